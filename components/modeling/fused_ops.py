"""Dense layers, normalisation and activation with hand-written gradients.

TensorFlow's own gradients have the same values. The gradients here keep less for the backward pass,
consist of fewer operations to compile, and sum over the rows of a batch by a matrix product. XLA's
CPU backend computes such sums on one thread and with strided memory access; a product with a row of
ones is about ten times faster.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from components.modeling.dropout import dropout

# The published gelu is the tanh form (Hendrycks and Gimpel, arXiv:1606.08415, section 2):
# x / 2 * (1 + tanh(u)) with u = sqrt(2 / pi) * (x + 0.044715 x³). This equals x * sigmoid(2 u),
# which takes fewer operations.
_GELU_LINEAR = 2.0 * math.sqrt(2.0 / math.pi)
_GELU_CUBIC = 0.044715 * _GELU_LINEAR
# The exact form (section 2 of the same paper) is x Φ(x), where Φ is the cumulative distribution
# function of the standard normal distribution.
_INVERSE_ROOT_2 = math.sqrt(0.5)
_INVERSE_ROOT_2_PI = 1.0 / math.sqrt(2.0 * math.pi)


def leading_shape(tensor: tf.Tensor) -> list[int | tf.Tensor]:
    """Returns all dimensions but the last, as Python numbers where they are static."""
    dynamic = tf.shape(tensor)
    return [dynamic[i] if size is None else size for i, size in enumerate(tensor.shape[:-1])]


def as_rows(tensor: tf.Tensor) -> tf.Tensor:
    """Reshapes [..., D] to [rows, D]."""
    return tf.reshape(tensor, [-1, tensor.shape[-1]])


def sum_of_rows(tensor: tf.Tensor) -> tf.Tensor:
    """Sums over the second to last axis: [..., L, D] → [..., D]."""
    *lead, length = leading_shape(tensor)
    # Two rows of ones instead of one, because XLA's CPU backend would fuse the computation of the
    # matrix into its product with a single row, which then runs on one thread and column by column.
    ones = tf.ones([*lead, 2, length], tensor.dtype)
    return tf.matmul(ones, tensor)[..., 0, :]


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


@tf.custom_gradient
def add_bias(inputs: tf.Tensor, bias: tf.Tensor):
    """Adds a bias [D] to inputs [..., D]."""

    def gradient(upstream: tf.Tensor):
        return upstream, sum_of_rows(as_rows(upstream))

    return inputs + bias, gradient


def layer_norm(
    inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, *, epsilon: float
) -> tf.Tensor:
    """Normalises the last axis; statistics have the dtype of `gamma`.

    Args:
        inputs: [..., D].
        gamma: [D], scale, float32 or float64.
        beta: [D], offset, of the same dtype as `gamma`.
        epsilon: number added to the variance.

    Returns:
        A tensor with the shape and dtype of `inputs`.
    """
    wide = gamma.dtype

    @tf.custom_gradient
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
                sum_of_rows(as_rows(upstream * normal)),
                sum_of_rows(as_rows(upstream)),
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


def activate(
    inputs: tf.Tensor, bias: tf.Tensor, activation: str, rate: float, seed: tf.Tensor | None
) -> tf.Tensor:
    """Computes activation(inputs + bias), followed by dropout.

    Args:
        inputs: [..., D], output of a dense layer without its bias.
        bias: [D], bias of the dense layer.
        activation: one of `config.Activation`.
        rate: fraction to drop.
        seed: int32 [2], dropout seed of this place, or None for no dropout.

    Returns:
        [..., D].
    """
    function, slope = _ACTIVATIONS[activation]

    @tf.custom_gradient
    def apply(inputs: tf.Tensor, bias: tf.Tensor):
        def gradient(upstream: tf.Tensor):
            of_inputs = dropout(upstream, rate, seed) * slope(inputs + bias)
            return of_inputs, sum_of_rows(as_rows(of_inputs))

        return dropout(function(inputs + bias), rate, seed), gradient

    return apply(inputs, bias)
