"""The null score above which an exported question answering model does not answer.

The best threshold is only known after an evaluation, which comes after the export. Therefore it is
a text file among the SavedModel's assets, which the graph reads when it is loaded. An exported
model answers every question at first; the Pusher writes the threshold that the Evaluator found into
the copy that it pushes.
"""

from __future__ import annotations

import math

import tensorflow as tf

from components import files
from components.span_decoding.decoder import MAX_NULL_SCORE

_FILE_NAME = "null_threshold.txt"
_MAX_BYTES = 100
# No null score is above this value, and that of a working model is never below its negative. They
# are not infinite, because JSON has no infinity.
ALWAYS_ANSWER = MAX_NULL_SCORE
NEVER_ANSWER = -MAX_NULL_SCORE


def path(directory: str) -> str:
    """Returns the path of the threshold's file in a SavedModel."""
    return files.join(directory, "assets", _FILE_NAME)


def write(directory: str, threshold: float) -> None:
    """Sets the threshold of a SavedModel.

    Args:
        directory: folder of the SavedModel.
        threshold: questions with larger null scores are left unanswered.

    Raises:
        ValueError: if the threshold is NaN.
    """
    if math.isnan(threshold):
        raise ValueError("The null threshold is not a number.")
    files.write_bytes(path(directory), f"{_finite(threshold)!r}\n".encode())


def read(directory: str) -> float | None:
    """Returns the threshold of a SavedModel; None if it answers every question.

    Raises:
        ValueError: if the file, which users may edit, holds no number.
    """
    content = files.read_bytes(path(directory), max_bytes=_MAX_BYTES)
    try:
        threshold = float(content)
    except ValueError:
        threshold = math.nan
    if math.isnan(threshold):
        raise ValueError(f"{path(directory)} should hold a number such as -1.5, not {content!r}.")
    return None if threshold >= ALWAYS_ANSWER else _finite(threshold)


def _finite(threshold: float) -> float:
    """Returns the threshold with the same effect that JSON can express."""
    return min(max(threshold, NEVER_ANSWER), ALWAYS_ANSWER)


class NullThreshold(tf.Module):
    """The threshold inside the graph.

    Args:
        directory: folder for the file that becomes the SavedModel's asset. It must exist until the
            model is saved.
    """

    def __init__(self, directory: str) -> None:
        super().__init__(name="null_threshold")
        source = files.join(directory, _FILE_NAME)
        files.write_bytes(source, f"{ALWAYS_ANSWER!r}\n".encode())
        # A table with a single line, which TensorFlow and TF Serving read when they load the model.
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                source,
                key_dtype=tf.int64,
                key_index=tf.lookup.TextFileIndex.LINE_NUMBER,
                value_dtype=tf.string,
                value_index=tf.lookup.TextFileIndex.WHOLE_LINE,
            ),
            default_value="",
        )

    def __call__(self) -> tf.Tensor:
        """Returns the threshold, float32 []; it is finite, even if the file says "inf"."""
        threshold = tf.strings.to_number(self._table.lookup(tf.constant(0, tf.int64)))
        return tf.clip_by_value(threshold, NEVER_ANSWER, ALWAYS_ANSWER)
