"""Questions with their options, as one text each."""

from __future__ import annotations

import tensorflow as tf

_BLANK = "_"


def with_options(questions: tf.Tensor, options: tf.Tensor) -> tf.Tensor:
    """Each question with each of its options.

    An option takes the place of every blank (`_`) of its question; to a question without a blank
    it is appended. A run of underscores is one blank: the published code, which knows single ones
    as RACE has them, would put in the option once for each.

    Args:
        questions: string [n]; empty where an option stands for itself.
        options: string [n, num_choices].

    Returns:
        string [n, num_choices].
    """
    questions = tf.strings.regex_replace(questions, f"{_BLANK}+", _BLANK)
    questions = tf.repeat(questions, options.shape[1])
    flat = tf.reshape(options, [-1])
    parts = tf.strings.split(questions, _BLANK)
    rows = parts.value_rowids()
    # In front of every part but a question's first there was a blank.
    is_first = tf.range(tf.size(rows), dtype=rows.dtype) == tf.gather(parts.row_starts(), rows)
    filled = tf.strings.join([tf.gather(flat, rows), parts.flat_values])
    filled = tf.where(is_first, parts.flat_values, filled)
    filled = tf.strings.unsorted_segment_join(filled, rows, parts.nrows())
    appended = tf.strings.join([questions, flat], separator=" ")
    has_blank = tf.strings.regex_full_match(questions, f"(?s).*{_BLANK}.*")
    return tf.reshape(tf.where(has_blank, filled, appended), tf.shape(options))
