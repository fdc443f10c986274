"""Checks of a model's inputs while it is traced, for clear errors before the first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf


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


def static_len(name: str, tensor: tf.Tensor) -> int:
    """Returns the seq_len of a [batch, seq_len] tensor.

    Raises:
        ValueError: if the tensor has another rank, or its length is unknown or 0.
    """
    if tensor.shape.rank != 2:
        raise ValueError(f"{name} must have shape [batch, seq_len], not {tensor.shape}")
    length = tensor.shape[1]
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


def check_served(seq_len: int, longest: int, *, has_memory: bool) -> None:
    """Raises a ValueError for what a network that stores its position encodings cannot answer."""
    if has_memory:
        raise ValueError("a network for serving has no memory, but mems were given")
    if seq_len > longest:
        raise ValueError(f"this network serves at most {longest} tokens, not {seq_len}")
