"""Labels in the graph: names to ids in the task's fixed order, or numbers for regression."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import tensorflow as tf

from components import decimal_number

# Where a label should be one of the task's and is not. No loss accepts it.
UNKNOWN_LABEL_ID = -1
# As published for test files, and as serving needs it: there is no label to know.
MISSING_LABEL_ID = 0
MISSING_TARGET = 0.0

_NUMBER = rf"\s*{decimal_number.PATTERN}\s*"


def to_ids(labels: tf.Tensor, names: Sequence[str]) -> tf.Tensor:
    """Ids of labels.

    Args:
        labels: string [n].
        names: the task's labels; the position is the id.

    Returns:
        int64 [n]; 0 for an empty label, -1 for an unknown one.
    """
    matches = labels[:, None] == tf.constant(list(names))[None, :]
    # One more column, true where no name matches; argmax takes the first true one.
    is_unknown = ~tf.reduce_any(matches, axis=1, keepdims=True)
    ids = tf.argmax(tf.cast(tf.concat([matches, is_unknown], 1), tf.int32), axis=1)
    ids = tf.where(is_unknown[:, 0], tf.constant(UNKNOWN_LABEL_ID, tf.int64), ids)
    return tf.where(labels == "", tf.constant(MISSING_LABEL_ID, tf.int64), ids)


def to_targets(labels: tf.Tensor) -> tf.Tensor:
    """Numbers of labels.

    Args:
        labels: string [n], decimal numbers.

    Returns:
        float32 [n]; 0 for an empty label, NaN for one that is no number, so that a loss made from
        it shows.
    """
    is_number = tf.strings.regex_full_match(labels, _NUMBER)
    # Through float64, as Python reads numbers: straight to float32 may round otherwise.
    numbers = tf.strings.to_number(tf.where(is_number, labels, "nan"), tf.float64)
    targets = tf.cast(numbers, tf.float32)
    return tf.where(labels == "", tf.constant(MISSING_TARGET), targets)


def is_known(label: bytes, names: Sequence[str] | None) -> bool:
    """Whether `to_ids` gives a label an id of its own, or `to_targets` a number if `names` is None.

    This is the check of raw examples before training, in Python.
    """
    if names is not None:
        return label in [name.encode() for name in names]
    return bool(re.fullmatch(_NUMBER.encode(), label)) and math.isfinite(float(label))
