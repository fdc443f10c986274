"""The span head's outputs to answers inside a TensorFlow graph: the twin of `span_decoding.py`."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from components.preprocessing.question_answering.graph_windows import GraphWindows
from components.span_decoding.decoder import MAX_NULL_SCORE, DecodingConfig
from components.tokenization import unicode_tables


def decode(
    outputs: Mapping[str, tf.Tensor], windows: GraphWindows, config: DecodingConfig
) -> dict[str, tf.Tensor]:
    """Answers every question, as `span_decoding.decode_question` does.

    Args:
        outputs: of the model for the windows, by the names in `window_outputs.SPAN_OUTPUTS`.
        windows: W of them.
        config: how answers are chosen.

    Returns:
        By name, best answers first, places without an answer filled with "", 0 and -1:
        `answers` string [n, n_best], cut from the paragraphs; `scores` float32 [n, n_best], softmax
        of the log probabilities over the list; `answer_starts`, `answer_ends` int32 [n, n_best],
        first character and the one behind the last; `null_score` float32 [n], the smallest of the
        question's windows.

    Raises:
        InvalidArgumentError: when run, if an output is not a number.
    """
    contexts = windows.contexts
    num_questions = tf.size(contexts)
    null_scores = tf.debugging.check_numerics(
        outputs["cls_logits"], "the model's weights are damaged, or training diverged"
    )
    null_score = tf.math.unsorted_segment_min(null_scores, windows.question, num_questions)

    window, start, end, score = _legal_spans(outputs, windows, config.max_answer_length)
    question = tf.gather(windows.question, window)
    first = tf.gather_nd(windows.tok_start_to_orig_index, tf.stack([window, start], -1))
    last = tf.gather_nd(windows.tok_end_to_orig_index, tf.stack([window, end], -1))
    first, behind = _stripped(windows, question, first, last)

    # By question, then by score; what is equal keeps its order.
    order = tf.argsort(score, direction="DESCENDING", stable=True)
    order = tf.gather(order, tf.argsort(tf.gather(question, order), stable=True))
    question, first, behind, score = (
        tf.gather(values, order) for values in (question, first, behind, score)
    )
    texts = tf.strings.substr(
        tf.gather(contexts, question), first, behind - first, unit="UTF8_CHAR"
    )
    # Of spans with the same text the best counts.
    keys = tf.strings.join([tf.strings.as_string(question), texts], " ")
    unique, group = tf.unique(keys)
    chosen = tf.math.unsorted_segment_min(tf.range(tf.size(keys)), group, tf.size(unique))
    rows = tf.RaggedTensor.from_value_rowids(
        chosen, tf.gather(question, chosen), nrows=tf.cast(num_questions, tf.int32)
    )
    rows = rows[:, : config.n_best_size]

    def dense(values: tf.Tensor, missing: object) -> tf.Tensor:
        found = rows.with_flat_values(tf.gather(values, rows.flat_values))
        return found.to_tensor(missing, shape=[None, config.n_best_size])

    log_probs = dense(score, tf.constant(float("-inf"), tf.float64))
    is_there = tf.sequence_mask(rows.row_lengths(), config.n_best_size)
    # Where there is no answer at all, the softmax has nothing to go by.
    log_probs = tf.where(tf.reduce_any(is_there, -1, keepdims=True), log_probs, 0.0)
    scores = tf.where(is_there, tf.nn.softmax(log_probs), 0.0)
    return {
        "answers": dense(texts, ""),
        "scores": tf.cast(scores, tf.float32),
        "answer_starts": dense(first, -1),
        "answer_ends": dense(behind, -1),
        "null_score": tf.minimum(null_score, MAX_NULL_SCORE),
    }


def _legal_spans(
    outputs: Mapping[str, tf.Tensor], windows: GraphWindows, max_answer_length: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Window, first and last token, and sum of log probabilities (float64) of legal spans."""
    starts, ends = outputs["start_top_index"], outputs["end_top_index"]
    end_n_top = ends.shape[1] // starts.shape[1]
    starts = tf.repeat(starts, end_n_top, axis=1)
    start_log_probs = tf.repeat(outputs["start_top_log_probs"], end_n_top, axis=1)
    last = windows.paragraph_len[:, None] - 1
    is_legal = (starts < last) & (ends < last) & (ends >= starts)
    is_legal &= ends - starts < max_answer_length
    is_legal &= tf.gather(windows.token_is_max_context, starts, batch_dims=1)
    places = tf.where(is_legal)
    scores = tf.cast(start_log_probs, tf.float64) + tf.cast(
        outputs["end_top_log_probs"], tf.float64
    )
    scores = tf.debugging.check_numerics(
        tf.gather_nd(scores, places), "the model's weights are damaged, or training diverged"
    )
    return (
        tf.cast(places[:, 0], tf.int32),
        tf.gather_nd(starts, places),
        tf.gather_nd(ends, places),
        scores,
    )


def _stripped(
    windows: GraphWindows, question: tf.Tensor, first: tf.Tensor, last: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """First character and the one behind the last, without white space at either end.

    What is white space alone becomes empty.
    """
    characters = windows.characters
    is_space = tf.reduce_any(
        characters.flat_values[:, None] == tf.constant(unicode_tables.whitespace_code_points()), -1
    )
    others = tf.cast(tf.where(~is_space)[:, 0], tf.int32)
    others = tf.concat([[-1], others, [tf.size(characters.flat_values)]], 0)
    row_start = tf.gather(characters.row_starts(), question)
    begin, end = row_start + first, row_start + last
    begin = tf.gather(others, tf.searchsorted(others, begin))
    end = tf.gather(others, tf.searchsorted(others, end, side="right") - 1)
    is_empty = begin > end
    begin, end = begin - row_start, end - row_start
    return tf.where(is_empty, first, begin), tf.where(is_empty, first, end + 1)
