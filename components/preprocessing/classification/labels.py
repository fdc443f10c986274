"""Converts labels inside the TensorFlow graph: to ids or, for regression, to numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from components import decimal_number

# The id of a label that is not one of the task's. No loss accepts it, so it cannot go unnoticed.
UNKNOWN_LABEL_ID = -1
# Missing labels get these values, as in the published code for test files. Serving, where there are
# no labels, needs them as well.
MISSING_LABEL_ID = 0
MISSING_TARGET = 0.0

# The graph's regular expressions do not count a vertical tab as white space, and Python's do.
_SPACE = r"[ \t\n\f\r]*"
_NUMBER = f"{_SPACE}{decimal_number.PATTERN}{_SPACE}"
_MAX_TARGET = float(np.finfo(np.float32).max)


def to_ids(labels: tf.Tensor, names: Sequence[str]) -> tf.Tensor:
    """Converts labels to ids.

    Args:
        labels: string [n].
        names: the task's labels; the position of a label is its id.

    Returns:
        int64 [n]; 0 for an empty label, and -1 for an unknown one.
    """
    matches = labels[:, None] == tf.constant(list(names))[None, :]
    # An additional column is true if no name matches; argmax returns the first true column.
    is_unknown = ~tf.reduce_any(matches, axis=1, keepdims=True)
    ids = tf.argmax(tf.cast(tf.concat([matches, is_unknown], 1), tf.int32), axis=1)
    ids = tf.where(is_unknown[:, 0], tf.constant(UNKNOWN_LABEL_ID, tf.int64), ids)
    return tf.where(labels == "", tf.constant(MISSING_LABEL_ID, tf.int64), ids)


def to_targets(labels: tf.Tensor) -> tf.Tensor:
    """Converts labels to numbers.

    Args:
        labels: string [n], decimal numbers.

    Returns:
        float32 [n]; 0 for an empty label, and NaN for one that is not a number, so that it shows in
        the loss.
    """
    is_number = tf.strings.regex_full_match(labels, _NUMBER)
    # Goes through float64, as in Python; a direct conversion to float32 may round differently.
    numbers = tf.strings.to_number(tf.where(is_number, labels, "nan"), tf.float64)
    targets = tf.cast(numbers, tf.float32)
    return tf.where(labels == "", tf.constant(MISSING_TARGET), targets)


def is_known(label: bytes, names: Sequence[str] | None) -> bool:
    """Whether a label is one of the task's labels or, if `names` is None, a finite float32.

    This is the Python equivalent of `to_ids` and `to_targets`, used to check raw examples.
    """
    if names is not None:
        return label in [name.encode() for name in names]
    return bool(re.fullmatch(_NUMBER.encode(), label)) and abs(float(label)) <= _MAX_TARGET
