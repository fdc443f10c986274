"""The position-wise feed-forward layer."""

from __future__ import annotations

import math

import tensorflow as tf

from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.dropout import dropout
from components.modeling.layer_norm import LayerNorm
from components.modeling.variables import Dense, NamedLayer


def gelu(x: tf.Tensor) -> tf.Tensor:
    """Gaussian error linear unit in the tanh form that XLNet was published with.

    Hendrycks and Gimpel, arXiv:1606.08415, section 2.
    """
    inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)
    return 0.5 * x * (1.0 + tf.tanh(inner))


ACTIVATIONS = {"relu": tf.nn.relu, "gelu": gelu}


class FeedForward(NamedLayer):
    """LayerNorm(x + W2 activation(W1 x)).

    Variables `<name>/layer_1/…`, `<name>/layer_2/…` and `<name>/LayerNorm/…`.
    """

    def __init__(self, config: XLNetConfig, options: ModelOptions, name: str) -> None:
        super().__init__(options)
        self.activation = ACTIVATIONS[config.ff_activation]
        self.layer_1 = Dense(options, f"{name}/layer_1", config.d_model, config.d_inner)
        self.layer_2 = Dense(options, f"{name}/layer_2", config.d_inner, config.d_model)
        self.layer_norm = LayerNorm(options, f"{name}/LayerNorm", config.d_model)

    def call(self, inputs: tf.Tensor, seed: tf.Tensor | None, site: int) -> tf.Tensor:
        """[B, T, d_model] → the same; `site` and `site + 1` number its two dropouts."""
        rate = self.options.dropout
        inner = dropout(self.activation(self.layer_1(inputs)), rate, seed, site)
        outputs = dropout(self.layer_2(inner), rate, seed, site + 1)
        return self.layer_norm(inputs + outputs)
