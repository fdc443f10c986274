"""The two forms of a training step: one for CPUs, one for accelerators (TPUs above all).

Both compute the same network. They differ where the two kinds of devices differ: a CPU is short of
operations, and a TPU of memory traffic and of patience with shapes that do not fit its tiles of
8 x 128. What the forms differ in is listed by the methods of `Program`; relative positions are the
one exception, see `components.modeling.angles`. A network that only answers has a form of its own,
which is the CPU's without gradients.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from components.modeling import dropout
from components.modeling.barrier import barrier, recompute
from components.modeling.config import ModelOptions, ServingOptions


class Program(abc.ABC):
    """What a training step computes differently on different devices."""

    def differentiable(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Makes a function that returns a value and its gradient function one of the value."""
        return tf.custom_gradient(function)

    @abc.abstractmethod
    def sum_of_rows(self, tensor: tf.Tensor) -> tf.Tensor:
        """Sums over the second to last axis: [..., L, D] → [..., D]."""

    @abc.abstractmethod
    def dropout(self, inputs: tf.Tensor, rate: float, seed: tf.Tensor | None) -> tf.Tensor:
        """Drops a fraction of the elements and scales the others; see `dropout.dropout`."""

    @abc.abstractmethod
    def for_backward(self, seed: tf.Tensor | None) -> tf.Tensor | None:
        """Returns the seed with which the backward pass draws a mask of the forward pass again."""

    @abc.abstractmethod
    def sum_by_id(self, rows: tf.Tensor, ids: tf.Tensor, size: int, dtype: tf.DType) -> tf.Tensor:
        """Sums rows [L, D] that have the same id; returns [size, D] of the given dtype.

        Args:
            rows: the rows.
            ids: int32 [L], each in [0, size).
            size: number of ids.
            dtype: dtype of the sums.
        """

    @abc.abstractmethod
    def numbers(self, size: int) -> tf.Tensor:
        """Returns 0, …, size - 1 as int32 [size]."""

    @abc.abstractmethod
    def recompute(
        self, function: Callable[..., Sequence[tf.Tensor]], seeds: Sequence[tf.Tensor | None]
    ) -> Callable[..., Sequence[tf.Tensor]]:
        """Makes a function of tensors that keeps only these, and runs again in the backward pass.

        Args:
            function: takes dropout seeds and then the tensors.
            seeds: dropout seeds for the function.
        """


class _CpuProgram(Program):
    def sum_of_rows(self, tensor: tf.Tensor) -> tf.Tensor:
        """Multiplies by ones: XLA's CPU backend sums rows on one thread and column by column."""
        *lead, length = leading_shape(tensor)
        # Two rows of ones instead of one, because the backend would fuse the computation of the
        # matrix into its product with a single row, which then runs on one thread, too.
        ones = tf.ones([*lead, 2, length], tensor.dtype)
        return tf.matmul(ones, tensor)[..., 0, :]

    def dropout(self, inputs: tf.Tensor, rate: float, seed: tf.Tensor | None) -> tf.Tensor:
        return dropout.dropout(inputs, rate, seed)

    def for_backward(self, seed: tf.Tensor | None) -> tf.Tensor | None:
        return seed

    def sum_by_id(self, rows: tf.Tensor, ids: tf.Tensor, size: int, dtype: tf.DType) -> tf.Tensor:
        return tf.math.unsorted_segment_sum(tf.cast(rows, dtype), ids, size)

    def numbers(self, size: int) -> tf.Tensor:
        return tf.range(size)

    def recompute(
        self, function: Callable[..., Sequence[tf.Tensor]], seeds: Sequence[tf.Tensor | None]
    ) -> Callable[..., Sequence[tf.Tensor]]:
        """Uses TensorFlow's own way, which also works without XLA."""
        return tf.recompute_grad(functools.partial(function, seeds))


class _AcceleratorProgram(Program):
    def sum_of_rows(self, tensor: tf.Tensor) -> tf.Tensor:
        """Sums in float32 at least; a product with ones would waste a TPU's matrix unit."""
        wide = tensor if tensor.dtype == tf.float64 else tf.cast(tensor, tf.float32)
        return tf.cast(tf.reduce_sum(wide, axis=-2), tensor.dtype)

    def dropout(self, inputs: tf.Tensor, rate: float, seed: tf.Tensor | None) -> tf.Tensor:
        @tf.custom_gradient
        def drop(inputs: tf.Tensor):
            def gradient(upstream: tf.Tensor):
                return dropout.dropout_by_place(upstream, rate, self.for_backward(seed))

            return dropout.dropout_by_place(inputs, rate, seed), gradient

        return inputs if seed is None or rate == 0 else drop(inputs)

    def for_backward(self, seed: tf.Tensor | None) -> tf.Tensor | None:
        """Hides that it is the same seed, because the compiler would keep the mask instead."""
        return None if seed is None else barrier(seed)[0]

    def sum_by_id(self, rows: tf.Tensor, ids: tf.Tensor, size: int, dtype: tf.DType) -> tf.Tensor:
        """Multiplies by one-hot rows: a TPU adds rows at scattered places one after the other."""
        one_hot = tf.one_hot(ids, size, dtype=rows.dtype)
        return tf.cast(tf.einsum("ln,ld->nd", one_hot, rows), dtype)

    def numbers(self, size: int) -> tf.Tensor:
        """Hides that they are constant, because tables made from them would be constants, too."""
        return barrier(tf.range(size))[0]

    def recompute(
        self, function: Callable[..., Sequence[tf.Tensor]], seeds: Sequence[tf.Tensor | None]
    ) -> Callable[..., Sequence[tf.Tensor]]:
        return recompute(function, seeds)


class _ServingProgram(_CpuProgram):
    def differentiable(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Leaves the gradient out.

        TensorFlow enters the gradients of a SavedModel into a list of the process when it loads
        one, and never removes them; with them, every model that a server has replaced would stay
        in memory.
        """
        return lambda *inputs: function(*inputs)[0]


CPU: Program = _CpuProgram()
ACCELERATOR: Program = _AcceleratorProgram()
SERVING: Program = _ServingProgram()


def program_of(options: ModelOptions) -> Program:
    """Returns the form of the network; "auto" depends on the current strategy."""
    if isinstance(options, ServingOptions):
        return SERVING
    if options.program == "auto":
        on_tpu = isinstance(tf.distribute.get_strategy(), tf.distribute.TPUStrategy)
        return ACCELERATOR if on_tpu else CPU
    return ACCELERATOR if options.program == "accelerator" else CPU


def shape_of(tensor: tf.Tensor) -> list[int | tf.Tensor]:
    """Returns all dimensions, as Python numbers where they are static."""
    dynamic = tf.shape(tensor)
    return [dynamic[i] if size is None else size for i, size in enumerate(tensor.shape)]


def leading_shape(tensor: tf.Tensor) -> list[int | tf.Tensor]:
    """Returns all dimensions but the last, as Python numbers where they are static."""
    return shape_of(tensor)[:-1]
