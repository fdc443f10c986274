"""Base classes of layers and models whose variables have the published names.

The initial value of a variable depends on the seed and its name alone.
"""

from __future__ import annotations

import abc
import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import tensorflow as tf
import tf_keras

from components.modeling.config import Activation, ModelOptions, ServingOptions
from components.modeling.fused_ops import activate, add_bias, dense, project
from components.modeling.program import program_of

if TYPE_CHECKING:
    from components.modeling.encoder import XLNetEncoder

ROOT = "model"


def random_initializer(options: ModelOptions, name: str) -> Callable[..., tf.Tensor]:
    """Returns the initialiser of kernels, embeddings and attention biases.

    It is stateless: the same `options.init_seed` and name give the same values, no matter what was
    created before. Models for different tasks thus start from the same encoder.

    Args:
        options: initialisation method, its parameters and its seed.
        name: full name of the variable.
    """
    seed = (options.init_seed or 0, zlib.crc32(name.encode("utf-8")) & 0x7FFFFFFF)

    def initialize(shape, dtype=None, **_) -> tf.Tensor:
        # Drawn in float32, so that the float64 mode starts from the same values.
        if options.init_method == "normal":
            values = tf.random.stateless_normal(shape, seed, stddev=options.init_std)
        else:
            values = tf.random.stateless_uniform(
                shape, seed, minval=-options.init_range, maxval=options.init_range
            )
        return tf.cast(values, dtype or tf.float32)

    return initialize


class NamedLayer(tf_keras.layers.Layer):
    """A Keras layer that creates its variables in the constructor, under given full names.

    Keras derives names from the place where a layer is first called, but the published names must
    not depend on that.

    Args:
        options: options of the network, which determine dtypes and initialisation.
    """

    def __init__(self, options: ModelOptions) -> None:
        super().__init__(dtype=options.variable_dtype, autocast=False)
        self.options = options
        self.program = program_of(options)
        self.built = True

    @tf.autograph.experimental.do_not_convert
    def __call__(self, *args, **kwargs):
        """Calls `call` directly.

        Keras's own `__call__` would convert dtypes, wrap errors, and let AutoGraph rewrite every
        function below it, which takes longer than the compilation by XLA.
        """
        with tf.name_scope(self.name):
            return self.call(*args, **kwargs)

    def variable(
        self,
        name: str,
        shape: Sequence[int],
        *,
        init: str = "random",
        dtype: str | None = None,
    ) -> tf.Variable:
        """Creates a trainable variable named `model/<name>`.

        Args:
            name: published name below `model/`.
            shape: shape of the variable.
            init: "random" (see `random_initializer`), "zeros" or "ones".
            dtype: `options.variable_dtype` for a variable that is not used through `cast`. By
                default it is `options.weight_dtype`.
        """
        full_name = f"{ROOT}/{name}"
        initializer = random_initializer(self.options, full_name) if init == "random" else init
        # An empty scope is absolute, so that the caller's name scope does not change the name.
        with tf.name_scope(""):
            return self.add_weight(
                name=full_name,
                shape=tuple(shape),
                dtype=dtype or self.options.weight_dtype,
                initializer=initializer,
                trainable=True,
            )

    def cast(self, tensor: tf.Tensor) -> tf.Tensor:
        """Casts a tensor or a variable to the compute dtype."""
        return tf.cast(tensor, self.options.compute_dtype)


class Dense(NamedLayer):
    """A dense layer `activation(x @ kernel + bias)`, with dropout after an activation.

    The variables are `<name>/kernel` [d_in, d_out] and, with `use_bias`, `<name>/bias` [d_out].

    Args:
        options: options of the network.
        name: published name below `model/`.
        d_in: width of the inputs.
        d_out: width of the outputs.
        use_bias: whether the layer has a bias.
        activation: what the outputs go through, with a bias only; None for a linear layer.
    """

    def __init__(
        self,
        options: ModelOptions,
        name: str,
        d_in: int,
        d_out: int,
        *,
        use_bias: bool = True,
        activation: Activation | None = None,
    ) -> None:
        super().__init__(options)
        self.kernel = self.variable(f"{name}/kernel", [d_in, d_out])
        self.bias = self.variable(f"{name}/bias", [d_out], init="zeros") if use_bias else None
        self.activation = activation

    def call(self, inputs: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        """Maps [..., d_in] to [..., d_out], both in the compute dtype.

        Args:
            inputs: [..., d_in].
            seed: int32 [2], seed of the dropout after the activation, or None for no dropout.
        """
        kernel = self.cast(self.kernel)
        if self.bias is None:
            return project(inputs, kernel)
        bias = self.cast(self.bias)
        if self.options.fuses_dense_layers:
            return dense(inputs, kernel, bias, self.activation)
        outputs = project(inputs, kernel)
        if self.activation is None:
            return add_bias(outputs, bias, program=self.program)
        rate = self.options.dropout
        return activate(outputs, bias, self.activation, rate, seed, program=self.program)


class NamedModel(tf_keras.Model, abc.ABC):
    """A Keras model that AutoGraph does not rewrite; see `NamedLayer.__call__` for the reason.

    Args:
        options: options of the network.

    Attributes:
        encoder: the network without its head, which every model creates.
    """

    encoder: XLNetEncoder

    def __init__(self, options: ModelOptions) -> None:
        super().__init__(name=ROOT)
        self.options = options

    @abc.abstractmethod
    def with_options(self, options: ModelOptions) -> NamedModel:
        """Returns a model for the same network, with the same head and new random weights."""

    def for_serving(self, *, seq_len: int) -> NamedModel:
        """Returns a copy with the same outputs that can only answer; see `ServingOptions`.

        Args:
            seq_len: largest number of tokens of a sequence.
        """
        served = self.with_options(ServingOptions.of(self.options, seq_len=seq_len))
        known = {variable.name: variable for variable in self.variables}
        known |= self.encoder.position_keys(seq_len)
        for variable in served.variables:
            variable.assign(tf.cast(known[variable.name], variable.dtype))
        return served

    @tf.autograph.experimental.do_not_convert
    def __call__(self, *args, **kwargs):
        """Does the same as `tf_keras.Model.__call__`, without AutoGraph."""
        return super().__call__(*args, **kwargs)
