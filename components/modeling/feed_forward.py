"""The position-wise feed-forward layer."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.layer_norm import LayerNorm
from components.modeling.variables import Dense, NamedLayer


class FeedForward(NamedLayer):
    """Computes LayerNorm(x + W2 activation(W1 x)), with dropout after each of the two layers.

    The variables are `<name>/layer_1/…`, `<name>/layer_2/…` and `<name>/LayerNorm/…`.
    """

    def __init__(self, config: XLNetConfig, options: ModelOptions, name: str) -> None:
        super().__init__(options)
        width, inner = config.d_model, config.d_inner
        activation = config.ff_activation
        self.layer_1 = Dense(options, f"{name}/layer_1", width, inner, activation=activation)
        self.layer_2 = Dense(options, f"{name}/layer_2", inner, width)
        self.layer_norm = LayerNorm(options, f"{name}/LayerNorm", config.d_model)

    def call(self, inputs: tf.Tensor, seeds: Sequence[tf.Tensor | None]) -> tf.Tensor:
        """Returns a tensor of the same shape as the inputs.

        Args:
            inputs: [B, T, d_model].
            seeds: seeds of the inner and the outer dropout.
        """
        inner = self.layer_1(inputs, seeds[0])
        outputs = self.program.dropout(self.layer_2(inner), self.options.dropout, seeds[1])
        return self.layer_norm(inputs + outputs)
