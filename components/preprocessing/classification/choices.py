"""Combines the questions of multiple-choice examples with their options into texts."""

from __future__ import annotations

import tensorflow as tf

_BLANK = "_"


def with_options(questions: tf.Tensor, options: tf.Tensor) -> tf.Tensor:
    """Combines each question with each of its options.

    An option replaces every blank (`_`) in its question; if the question has no blank, the option
    is appended. A run of underscores counts as one blank. The published code would insert the
    option once per underscore, because RACE only has single ones.

    Args:
        questions: string [n]; empty for options that need no question.
        options: string [n, num_choices].

    Returns:
        string [n, num_choices], the combined texts.
    """
    questions = tf.strings.regex_replace(questions, f"{_BLANK}+", _BLANK)
    questions = tf.repeat(questions, options.shape[1])
    flat = tf.reshape(options, [-1])
    parts = tf.strings.split(questions, _BLANK)
    rows = parts.value_rowids()
    # Every part of a question except the first was preceded by a blank.
    is_first = tf.range(tf.size(rows), dtype=rows.dtype) == tf.gather(parts.row_starts(), rows)
    filled = tf.strings.join([tf.gather(flat, rows), parts.flat_values])
    filled = tf.where(is_first, parts.flat_values, filled)
    filled = tf.strings.unsorted_segment_join(filled, rows, parts.nrows())
    appended = tf.strings.join([questions, flat], separator=" ")
    has_blank = tf.strings.regex_full_match(questions, f"(?s).*{_BLANK}.*")
    return tf.reshape(tf.where(has_blank, filled, appended), tf.shape(options))
