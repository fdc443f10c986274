"""Raw features between their two forms: strings per example, and what the schema makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

# What a model learns from; a raw example says beside it where it is from.
NAMES = ("text_a", "text_b", "options", "label")


def as_dense(feature: tf.Tensor | tf.SparseTensor | tf.RaggedTensor, name: str) -> tf.Tensor:
    """The first value of each example.

    Args:
        feature: string; [n] or [n, m], sparse, ragged or dense, as the schema has it.
        name: for messages.

    Returns:
        string [n]; empty where an example has no value.

    Raises:
        TypeError: if the feature does not hold strings.
    """
    _check_dtype(feature, name)
    if isinstance(feature, tf.SparseTensor):
        # tf.sparse.to_dense has no column where no example has a value.
        num_rows = feature.dense_shape[0]
        # The last of equal rows would win: only first values are kept.
        is_first = feature.indices[:, 1] == 0
        return tf.tensor_scatter_nd_update(
            tf.fill([num_rows], ""),
            tf.boolean_mask(feature.indices, is_first)[:, :1],
            tf.boolean_mask(feature.values, is_first),
        )
    if isinstance(feature, tf.RaggedTensor):
        return feature.to_tensor(default_value="", shape=[None, 1])[:, 0]
    return feature if feature.shape.rank == 1 else feature[:, 0]


def as_lists(
    feature: tf.Tensor | tf.SparseTensor | tf.RaggedTensor, name: str, length: int
) -> tf.Tensor:
    """All values of each example, of which there must be as many.

    Args:
        feature: string; [n, m], sparse, ragged or dense, as the schema has it.
        name: for messages.
        length: number of values.

    Returns:
        string [n, length]. Where it is computed for an example with more or fewer values, that is
        an InvalidArgumentError.

    Raises:
        TypeError: if the feature does not hold strings.
    """
    _check_dtype(feature, name)
    if isinstance(feature, tf.SparseTensor):
        feature = tf.RaggedTensor.from_sparse(feature)
    if not isinstance(feature, tf.RaggedTensor):
        return tf.ensure_shape(feature, [None, length])
    are_right = tf.reduce_all(tf.cast(feature.row_lengths(), tf.int32) == length)
    message = f"every example needs {length} values of {name}, none of them empty"
    check = tf.debugging.Assert(are_right, [message])
    # The operation is None where it has been carried out already.
    with tf.control_dependencies([] if check is None else [check]):
        # Of this length in any case, so that nothing behind it fails before the check does.
        return feature.to_tensor("", shape=[None, length])


def _check_dtype(feature: tf.Tensor | tf.SparseTensor | tf.RaggedTensor, name: str) -> None:
    if feature.dtype != tf.string:
        raise TypeError(
            f"Raw feature {name!r} should hold bytes, but the schema has {feature.dtype.name}. "
            "The examples' text and label features are strings, labels of regression as well."
        )


def as_sparse(
    raw: Mapping[str, tf.Tensor], raw_spec: Mapping[str, Any]
) -> dict[str, tf.Tensor | tf.SparseTensor | tf.RaggedTensor]:
    """Strings as `tf.io.parse_example` would give them, for a Transform graph.

    Args:
        raw: string [n], or [n, m] for lists, by feature name. An empty string is taken for no
            value.
        raw_spec: parsing specification of the Transform graph
            (`TFTransformOutput.raw_feature_spec`). Features that it lacks are left out: a graph
            for single texts knows no `text_b`.

    Returns:
        Feature by name: sparse [n, m], ragged [n, (m)], or dense with the specified shape; m is 1
        but for lists.
    """
    features = {}
    for name, values in raw.items():
        if name not in raw_spec:
            continue
        spec = raw_spec[name]
        if isinstance(spec, tf.io.VarLenFeature):
            features[name] = _without_empty(values)
        elif isinstance(spec, tf.io.RaggedFeature):
            features[name] = tf.RaggedTensor.from_sparse(_without_empty(values))
        else:
            features[name] = tf.reshape(values, [-1, *spec.shape])
    return features


def _without_empty(values: tf.Tensor) -> tf.SparseTensor:
    if values.shape.rank == 1:
        return tf.sparse.from_dense(values[:, None])
    # From the left without gaps, as `tf.io.parse_example` gives lists.
    return tf.ragged.boolean_mask(values, values != "").to_sparse()
