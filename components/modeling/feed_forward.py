"""The position-wise feed-forward layer."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.fused_ops import activate, dense
from components.modeling.layer_norm import LayerNorm
from components.modeling.variables import Dense, NamedLayer


class FeedForward(NamedLayer):
    """Computes LayerNorm(x + W2 activation(W1 x)), with dropout after each of the two layers.

    The variables are `<name>/layer_1/…`, `<name>/layer_2/…` and `<name>/LayerNorm/…`.
    """

    def __init__(self, config: XLNetConfig, options: ModelOptions, name: str) -> None:
        super().__init__(options)
        self.activation = config.ff_activation
        self.layer_1 = Dense(options, f"{name}/layer_1", config.d_model, config.d_inner)
        self.layer_2 = Dense(options, f"{name}/layer_2", config.d_inner, config.d_model)
        self.layer_norm = LayerNorm(options, f"{name}/LayerNorm", config.d_model)

    def call(self, inputs: tf.Tensor, seeds: Sequence[tf.Tensor | None]) -> tf.Tensor:
        """Returns a tensor of the same shape as the inputs.

        Args:
            inputs: [B, T, d_model].
            seeds: seeds of the inner and the outer dropout.
        """
        rate = self.options.dropout
        bias = self.cast(self.layer_1.bias)
        if self.options.fuses_dense_layers:
            inner = dense(inputs, self.cast(self.layer_1.kernel), bias, self.activation)
        else:
            product = self.layer_1.project(inputs)
            inner = activate(product, bias, self.activation, rate, seeds[0], program=self.program)
        outputs = self.program.dropout(self.layer_2(inner), rate, seeds[1])
        return self.layer_norm(inputs + outputs)
