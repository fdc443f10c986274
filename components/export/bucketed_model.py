"""Runs an exported model on slices of a batch, each cut to the length that its rows need.

All records have the same length, but most texts are shorter, and attention pays for every token of
padding. Slicing also bounds the memory: a paragraph of a hundred windows does not fit into memory
at once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal

import tensorflow as tf

# Each bucket is half as long as the next one. The number is small because every bucket adds a graph
# of its own to the SavedModel.
_NUM_BUCKETS = 4
_MIN_LENGTH = 16
# Lengths are multiples of this, which suits vector instructions.
_MULTIPLE = 8
# More rows at a time do not make a CPU any faster, but take proportionally more memory.
_MAX_ROWS = 32


def bucket_lengths(seq_len: int) -> list[int]:
    """Returns the lengths to which rows are padded, ascending; the last is `seq_len`."""
    lengths = {seq_len}
    for halvings in range(1, _NUM_BUCKETS):
        length = -(-seq_len // 2**halvings // _MULTIPLE) * _MULTIPLE
        if _MIN_LENGTH <= length < seq_len:
            lengths.add(length)
    return sorted(lengths)


class BucketedModel(tf.Module):
    """Sorts the rows of a batch by length and calls a model on slices cut to their longest row.

    Args:
        call: the model, a function from features to a tensor or a dict of tensors with one row per
            record. Their shapes must not depend on the number of tokens.
        signature: specifications of the features at full length, [None, seq_len] or [None].
            `input_mask` must be among them.
        padding: the side on which records are padded.
        shortest: number of tokens that every slice keeps at least.
        cut: whether rows may be cut. They must not be if padding affects the outputs; then the
            batch is only sliced into groups of rows.
    """

    def __init__(
        self,
        call: Callable[[dict[str, tf.Tensor]], Any],
        signature: Mapping[str, tf.TensorSpec],
        *,
        padding: Literal["left", "right"],
        shortest: int = 1,
        cut: bool = True,
    ) -> None:
        super().__init__(name="bucketed_model")
        self._signature = dict(signature)
        self._padding = padding
        self._seq_len = signature["input_mask"].shape[1]
        lengths = bucket_lengths(self._seq_len) if cut else [self._seq_len]
        self._lengths = [length for length in lengths if length >= shortest]
        # Each length is traced once, however many signatures call it.
        self._by_length = [self._trace(call, length) for length in self._lengths]

    def __call__(self, features: Mapping[str, tf.Tensor]) -> Any:
        """Returns the outputs of the model, with rows in the same order as the features.

        Args:
            features: tensors by name, as in the signature; additional ones are ignored.
        """
        features = {name: features[name] for name in self._signature}
        num_tokens = self._seq_len - tf.math.count_nonzero(
            features["input_mask"], axis=1, dtype=tf.int32
        )
        order = tf.argsort(num_tokens, stable=True)
        features = {name: tf.gather(value, order) for name, value in features.items()}
        num_tokens = tf.gather(num_tokens, order)
        num_rows = tf.size(order)
        # At least one slice, because an empty batch has (empty) outputs as well.
        num_slices = tf.maximum(-(-num_rows // _MAX_ROWS), 1)
        structure = self._by_length[-1].structured_outputs
        flat_specs = tf.nest.flatten(structure)

        def run_slice(number: tf.Tensor, *collected: tf.TensorArray) -> tuple[Any, ...]:
            begin = number * _MAX_ROWS
            rows = slice(begin, tf.minimum(begin + _MAX_ROWS, num_rows))
            outputs = self._run(
                {name: value[rows] for name, value in features.items()},
                tf.reduce_max(tf.concat([num_tokens[rows], [0]], 0)),
            )
            flat = tf.nest.flatten(outputs)
            written = [
                array.write(number, value) for array, value in zip(collected, flat, strict=True)
            ]
            return number + 1, *written

        arrays = [
            tf.TensorArray(
                spec.dtype,
                num_slices,
                infer_shape=False,
                element_shape=[None, *spec.shape[1:]],
            )
            for spec in flat_specs
        ]
        _, *arrays = tf.while_loop(
            lambda number, *_: number < num_slices,
            run_slice,
            [tf.constant(0), *arrays],
            parallel_iterations=1,
        )
        back = tf.math.invert_permutation(order)
        flat = [
            tf.ensure_shape(tf.gather(array.concat(), back), spec.shape)
            for array, spec in zip(arrays, flat_specs, strict=True)
        ]
        return tf.nest.pack_sequence_as(structure, flat)

    @property
    def at_full_length(self) -> tf.types.experimental.ConcreteFunction:
        """The model on rows of full length, for comparison."""
        return self._by_length[-1]

    def _trace(
        self, call: Callable[[dict[str, tf.Tensor]], Any], length: int
    ) -> tf.types.experimental.ConcreteFunction:
        specs = {
            name: tf.TensorSpec([None, length] if spec.shape.rank == 2 else [None], spec.dtype)
            for name, spec in self._signature.items()
        }
        function = tf.function(lambda **features: call(features), autograph=False)
        return function.get_concrete_function(**specs)

    def _run(self, features: dict[str, tf.Tensor], longest: tf.Tensor) -> Any:
        index = tf.searchsorted(tf.constant(self._lengths), [longest])[0]
        return tf.switch_case(
            index,
            [
                functools.partial(self._run_at, number, features)
                for number in range(len(self._lengths))
            ],
        )

    def _run_at(self, number: int, features: dict[str, tf.Tensor]) -> Any:
        length = self._lengths[number]
        part = slice(-length, None) if self._padding == "left" else slice(length)
        cut = {
            name: value[:, part] if value.shape.rank == 2 else value
            for name, value in features.items()
        }
        return self._by_length[number](**cut)
