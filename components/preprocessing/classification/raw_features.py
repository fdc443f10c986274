"""Converts raw features between a string per example and the tensors that the schema implies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

# The features from which a model learns. Raw examples have others, which say where they come from.
NAMES = ("text_a", "text_b", "options", "label")


def as_dense(feature: tf.Tensor | tf.SparseTensor | tf.RaggedTensor, name: str) -> tf.Tensor:
    """Returns the first value of a feature for each example.

    Args:
        feature: string [n] or [n, m]; sparse, ragged or dense, according to the schema.
        name: name of the feature, for error messages.

    Returns:
        string [n]; empty if an example has no value.

    Raises:
        TypeError: if the feature does not hold strings.
    """
    _check_dtype(feature, name)
    if isinstance(feature, tf.SparseTensor):
        # tf.sparse.to_dense is not used, because its result has no column if no example has a
        # value.
        num_rows = feature.dense_shape[0]
        # Only first values are scattered; otherwise, the last value of each row would remain.
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
    """Returns all values of a feature, of which each example must have the same number.

    Args:
        feature: string [n, m]; sparse, ragged or dense, according to the schema.
        name: name of the feature, for error messages.
        length: number of values that each example must have.

    Returns:
        string [n, length]. Computing it raises an InvalidArgumentError if an example has more or
        fewer values.

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
    # In eager mode the check has already been carried out, and is None.
    with tf.control_dependencies([] if check is None else [check]):
        # The shape is fixed in any case, so that no later operation fails before the check does.
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
    """Converts strings to what `tf.io.parse_example` would return, as input of a Transform graph.

    Args:
        raw: values by feature name, string [n], or [n, m] for lists. An empty string means that
            there is no value.
        raw_spec: parsing specification of the Transform graph
            (`TFTransformOutput.raw_feature_spec`). Features that it does not contain are left out;
            for example, a graph for single texts has no `text_b`.

    Returns:
        Features by name: sparse [n, m], ragged [n, (m)], or dense with the specified shape. m is 1
        except for lists.
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
    # Values move to the left without gaps, as in the lists of `tf.io.parse_example`.
    return tf.ragged.boolean_mask(values, values != "").to_sparse()
