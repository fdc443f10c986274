"""Checks of a model's inputs while it is traced, for clear errors before the first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from components.modeling.config import ModelOptions, ServingOptions
from components.modeling.program import shape_of


def required(features: Mapping[str, tf.Tensor], names: Sequence[str], model: str) -> None:
    """Raises a ValueError if features are missing; the message names them."""
    missing = [name for name in names if name not in features]
    if missing:
        raise ValueError(
            f"{model} needs the features {list(names)}; missing: {missing}, "
            f"given: {sorted(features)}"
        )


def check_shape(name: str, tensor: tf.Tensor, expected: Sequence[int | None], axes: str) -> None:
    """Raises a ValueError if the static shape of a tensor is not as expected.

    Args:
        name: name of the feature, for the message.
        tensor: tensor whose shape is checked.
        expected: size of each axis, None where any size is allowed.
        axes: description of the axes for the message, such as "[batch, seq_len]".
    """
    if not tensor.shape.is_compatible_with(tf.TensorShape(expected)):
        sizes = ["?" if size is None else size for size in expected]
        raise ValueError(f"{name} must have shape {axes} = {sizes}, not {tensor.shape}")


def sequence_length(name: str, tensor: tf.Tensor, options: ModelOptions) -> int | tf.Tensor:
    """Returns the seq_len of a [batch, seq_len] tensor.

    Args:
        name: name of the feature, for the message.
        tensor: tensor whose length is asked for.
        options: how the network is run. One for serving may learn the length from the request.

    Raises:
        ValueError: if the tensor has another rank, or its length is 0, or unknown in training, or
            longer than what a network for serving takes.
    """
    if tensor.shape.rank != 2:
        raise ValueError(f"{name} must have shape [batch, seq_len], not {tensor.shape}")
    length = tensor.shape[1]
    if isinstance(options, ServingOptions):
        if length is None:
            return shape_of(tensor)[1]
        if length > options.seq_len:
            raise ValueError(f"this network serves at most {options.seq_len} tokens, not {length}")
    if not length:
        raise ValueError(
            f"{name} must have a static seq_len above 0, not shape {tensor.shape}; records of a "
            "fixed length give one"
        )
    return length


def check_even_batch(batch_size: int | None) -> None:
    """Raises a ValueError if a batch of bidirectional data has an odd number of rows."""
    if batch_size is not None and batch_size % 2:
        raise ValueError(
            f"bi_data needs an even batch on each replica (first half forward, second half "
            f"backward), not {batch_size} rows"
        )


def check_no_memory(mems: tf.Tensor | None) -> None:
    """Raises a ValueError for memory, which a network for serving has not stored positions for."""
    if mems is not None:
        raise ValueError("a network for serving has no memory, but mems were given")
