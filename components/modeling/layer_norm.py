"""Layer normalisation with statistics in the variables' dtype."""

from __future__ import annotations

import tensorflow as tf

from components.modeling.config import ModelOptions
from components.modeling.fused_ops import layer_norm
from components.modeling.variables import NamedLayer

_EPSILON = 1e-12  # As in the published model.


class LayerNorm(NamedLayer):
    """Normalises the last axis. The variables are `<name>/gamma` and `<name>/beta` [d_model].

    Mean and variance are computed in float32 even if activations are bfloat16 (and in float64 if
    everything is float64).
    """

    def __init__(self, options: ModelOptions, name: str, d_model: int) -> None:
        super().__init__(options)
        wide = options.variable_dtype
        self.beta = self.variable(f"{name}/beta", [d_model], init="zeros", dtype=wide)
        self.gamma = self.variable(f"{name}/gamma", [d_model], init="ones", dtype=wide)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Normalises [..., d_model]; shape and dtype stay the same."""
        gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        return layer_norm(inputs, gamma, beta, epsilon=_EPSILON, program=self.program)
