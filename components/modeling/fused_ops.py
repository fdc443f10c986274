"""Dense layers, normalisation and activation with hand-written gradients.

TensorFlow's own gradients have the same values. The gradients here keep less for the backward pass,
consist of fewer operations to compile, and sum over the rows of a batch and draw dropout in the way
that suits the device (`components.modeling.program`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import tensorflow as tf

from components.modeling.program import CPU, Program, leading_shape

# The published gelu is the tanh form (Hendrycks and Gimpel, arXiv:1606.08415, section 2):
# x / 2 * (1 + tanh(u)) with u = sqrt(2 / pi) * (x + 0.044715 x³). This equals x * sigmoid(2 u),
# which takes fewer operations.
_GELU_LINEAR = 2.0 * math.sqrt(2.0 / math.pi)
_GELU_CUBIC = 0.044715 * _GELU_LINEAR
# The exact form (section 2 of the same paper) is x Φ(x), where Φ is the cumulative distribution
# function of the standard normal distribution.
_INVERSE_ROOT_2 = math.sqrt(0.5)
_INVERSE_ROOT_2_PI = 1.0 / math.sqrt(2.0 * math.pi)


def as_rows(tensor: tf.Tensor) -> tf.Tensor:
    """Reshapes [..., D] to [rows, D]."""
    return tf.reshape(tensor, [-1, tensor.shape[-1]])


def sum_of_columns(tensor: tf.Tensor) -> tf.Tensor:
    """Sums over the last axis: [..., D] → [..., 1]."""
    return tf.reduce_sum(tensor, axis=-1, keepdims=True)


def project(inputs: tf.Tensor, matrix: tf.Tensor, *, transpose: bool = False) -> tf.Tensor:
    """Multiplies inputs [..., d_in] by a matrix [d_in, d_out] ([d_out, d_in] if `transpose`).

    It reshapes the inputs to a single matrix. A broadcast `tf.matmul` would multiply row by row and
    sum the gradient over a batch of kernels.
    """
    outputs = tf.matmul(as_rows(inputs), matrix, transpose_b=transpose)
    return tf.reshape(outputs, [*leading_shape(inputs), outputs.shape[-1]])


def dense(
    inputs: tf.Tensor, matrix: tf.Tensor, bias: tf.Tensor, activation: str | None = None
) -> tf.Tensor:
    """Computes activation(inputs @ matrix + bias) where nobody asks for a gradient.

    TensorFlow's graph optimiser fuses these operations into one on CPUs: a product of matrices, its
    bias, and `tf.nn.gelu` (its tanh form in every version, the exact one not in TensorFlow 2.16).

    Args:
        inputs: [..., d_in], float32. (In bfloat16 the fused operation rounds less often than the
            network that was trained, and float64 is not for serving.)
        matrix: [d_in, d_out].
        bias: [d_out].
        activation: one of `config.Activation`, or None.

    Returns:
        [..., d_out].
    """
    outputs = tf.nn.bias_add(tf.matmul(as_rows(inputs), matrix), bias)
    if activation is not None:
        outputs = _FUSED[activation](outputs)
    return tf.reshape(outputs, [*leading_shape(inputs), outputs.shape[-1]])


def add_bias(inputs: tf.Tensor, bias: tf.Tensor, *, program: Program = CPU) -> tf.Tensor:
    """Adds a bias [D] to inputs [..., D]."""

    @program.differentiable
    def add(inputs: tf.Tensor, bias: tf.Tensor):
        def gradient(upstream: tf.Tensor):
            return upstream, program.sum_of_rows(as_rows(upstream))

        return inputs + bias, gradient

    return add(inputs, bias)


def layer_norm(
    inputs: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    *,
    epsilon: float,
    program: Program = CPU,
) -> tf.Tensor:
    """Normalises the last axis; statistics have the dtype of `gamma`.

    Args:
        inputs: [..., D].
        gamma: [D], scale, float32 or float64.
        beta: [D], offset, of the same dtype as `gamma`.
        epsilon: number added to the variance.
        program: form of the training step.

    Returns:
        A tensor with the shape and dtype of `inputs`.
    """
    wide = gamma.dtype

    @program.differentiable
    def normalize(inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor):
        size = inputs.shape[-1]
        centered = tf.cast(inputs, wide)
        centered -= sum_of_columns(centered) / size
        variance = sum_of_columns(tf.square(centered)) / size
        inverse = tf.math.rsqrt(variance + epsilon)
        normal = centered * inverse

        def gradient(upstream: tf.Tensor):
            upstream = tf.cast(upstream, wide)
            of_normal = upstream * gamma
            mean = sum_of_columns(of_normal) / size
            slope = sum_of_columns(of_normal * normal) / size
            of_inputs = inverse * (of_normal - mean - normal * slope)
            return (
                tf.cast(of_inputs, inputs.dtype),
                program.sum_of_rows(as_rows(upstream * normal)),
                program.sum_of_rows(as_rows(upstream)),
            )

        return tf.cast(normal * gamma + beta, inputs.dtype), gradient

    return normalize(inputs, gamma, beta)


def _gelu(x: tf.Tensor) -> tf.Tensor:
    return x * tf.sigmoid(x * (_GELU_LINEAR + _GELU_CUBIC * tf.square(x)))


def _gelu_slope(x: tf.Tensor) -> tf.Tensor:
    square = tf.square(x)
    gate = tf.sigmoid(x * (_GELU_LINEAR + _GELU_CUBIC * square))
    inner_slope = _GELU_LINEAR + 3.0 * _GELU_CUBIC * square
    return gate + x * inner_slope * gate * (1.0 - gate)


def _gelu_erf(x: tf.Tensor) -> tf.Tensor:
    wide = _at_least_float32(x)
    return tf.cast(wide * _normal_distribution(wide), x.dtype)


def _gelu_erf_slope(x: tf.Tensor) -> tf.Tensor:
    wide = _at_least_float32(x)
    density = _INVERSE_ROOT_2_PI * tf.exp(-0.5 * tf.square(wide))
    return tf.cast(_normal_distribution(wide) + wide * density, x.dtype)


def _at_least_float32(x: tf.Tensor) -> tf.Tensor:
    # For negative x, 1 + erf(x) would lose all of bfloat16's eight significant bits.
    return tf.cast(x, tf.float32) if x.dtype == tf.bfloat16 else x


def _normal_distribution(x: tf.Tensor) -> tf.Tensor:
    return 0.5 + 0.5 * tf.math.erf(_INVERSE_ROOT_2 * x)


def _relu_slope(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(x > 0, x.dtype)


_ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "gelu": (_gelu, _gelu_slope),
    "gelu_erf": (_gelu_erf, _gelu_erf_slope),
    "relu": (tf.nn.relu, _relu_slope),
}

_FUSED: dict[str, Callable] = {
    "gelu": functools.partial(tf.nn.gelu, approximate=True),
    "gelu_erf": functools.partial(tf.nn.gelu, approximate=False),
    "relu": tf.nn.relu,
}


def activate(
    inputs: tf.Tensor,
    bias: tf.Tensor,
    activation: str,
    rate: float,
    seed: tf.Tensor | None,
    *,
    program: Program = CPU,
) -> tf.Tensor:
    """Computes activation(inputs + bias), followed by dropout.

    Args:
        inputs: [..., D], output of a dense layer without its bias.
        bias: [D], bias of the dense layer.
        activation: one of `config.Activation`.
        rate: fraction to drop.
        seed: int32 [2], dropout seed of this place, or None for no dropout.
        program: form of the training step.

    Returns:
        [..., D].
    """
    function, slope = _ACTIVATIONS[activation]

    @program.differentiable
    def apply(inputs: tf.Tensor, bias: tf.Tensor):
        def gradient(upstream: tf.Tensor):
            again = program.for_backward(seed)
            of_inputs = program.dropout(upstream, rate, again) * slope(inputs + bias)
            return of_inputs, program.sum_of_rows(as_rows(of_inputs))

        return program.dropout(function(inputs + bias), rate, seed), gradient

    return apply(inputs, bias)
