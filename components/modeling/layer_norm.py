"""Layer normalisation with statistics in the variables' dtype."""

from __future__ import annotations

import tensorflow as tf

from components.modeling.config import ModelOptions
from components.modeling.variables import NamedLayer

_EPSILON = 1e-12  # of the published model


class LayerNorm(NamedLayer):
    """Normalises the last axis; variables `<name>/gamma` and `<name>/beta` [d_model].

    Mean and variance are computed in float32 (float64 in that mode) also when activations are
    bfloat16.
    """

    def __init__(self, options: ModelOptions, name: str, d_model: int) -> None:
        super().__init__(options)
        self.beta = self.variable(f"{name}/beta", [d_model], init="zeros")
        self.gamma = self.variable(f"{name}/gamma", [d_model], init="ones")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """[..., d_model] → the same shape and dtype."""
        wide = tf.cast(inputs, self.options.variable_dtype)
        centered = wide - tf.reduce_mean(wide, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centered), axis=-1, keepdims=True)
        normal = centered * tf.math.rsqrt(variance + _EPSILON)
        return tf.cast(normal * self.gamma + self.beta, inputs.dtype)
