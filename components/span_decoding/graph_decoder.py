"""Decodes answers inside a TensorFlow graph, for serving: the counterpart of `decoder.py`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from components.preprocessing.question_answering.graph_windows import GraphWindows
from components.span_decoding.decoder import MAX_NULL_SCORE, DecodingConfig
from components.tokenization import unicode_tables


def decode(
    outputs: Mapping[str, tf.Tensor], windows: GraphWindows, config: DecodingConfig
) -> dict[str, tf.Tensor]:
    """Decodes the answers to all questions, like `decoder.decode_question`.

    Args:
        outputs: outputs of the model for all windows, by the names in
            `window_outputs.SPAN_OUTPUTS`.
        windows: the windows of all questions.
        config: how answers are chosen.

    Returns:
        A dict for n questions, with the best answers first and missing answers filled with "", 0
        and -1: `answers` string [n, n_best], cut from the paragraphs; `scores` float32 [n, n_best],
        the softmax over the list of the log probabilities; `answer_starts` and `answer_ends` int32
        [n, n_best], the first character and the one after the last; `null_score` float32 [n], the
        smallest of the question's windows.

    Raises:
        InvalidArgumentError: when the graph runs, if an output is not finite.
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
    first, last = _widened(windows, (window, start, end), first, last)
    first, behind = _stripped(windows, question, first, last)

    # Sorts by question, then by score; equal scores keep their order.
    order = tf.argsort(score, direction="DESCENDING", stable=True)
    order = tf.gather(order, tf.argsort(tf.gather(question, order), stable=True))
    question, first, behind, score = (
        tf.gather(values, order) for values in (question, first, behind, score)
    )
    texts = tf.strings.substr(
        tf.gather(contexts, question), first, behind - first, unit="UTF8_CHAR"
    )
    # Among spans of a question with the same text, the best counts, which comes first.
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
    # Avoids NaN in the softmax of a question that has no answer at all.
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
    """Returns window, first and last token, and summed log probability (float64) of legal spans."""
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


def _widened(
    windows: GraphWindows,
    spans: tuple[tf.Tensor, tf.Tensor, tf.Tensor],
    first: tf.Tensor,
    last: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Widens spans by the visible characters around them that have no piece.

    The counterpart of `reach.last_reached` and its use in `decoder.py`.

    Args:
        windows: windows of all questions.
        spans: window, first token and last token of each span.
        first: int32, first character of each span.
        last: int32, last character of each span.

    Returns:
        New first and last characters.
    """
    window, start, end = spans
    question = tf.gather(windows.question, window)
    row_start = tf.gather(windows.characters.row_starts(), question)
    num_windows = tf.size(windows.question)
    is_other = windows.question[1:] != windows.question[:-1]
    is_first = tf.gather(tf.concat([[True], is_other], 0)[:num_windows], window)
    is_last = tf.gather(tf.concat([is_other, [True]], 0)[:num_windows], window)

    is_inside = (
        tf.range(tf.shape(windows.tok_start_to_orig_index)[1]) < windows.paragraph_len[:, None]
    )
    starts = tf.where(is_inside, windows.tok_start_to_orig_index, tf.int32.max)
    following = windows.tok_end_to_orig_index + 1
    behind = tf.searchsorted(starts, following, side="right")
    is_covered = (
        tf.gather(windows.tok_end_to_orig_index, tf.maximum(behind - 1, 0), batch_dims=1)
        >= following
    )
    next_start = tf.gather(
        tf.pad(starts, [[0, 0], [0, 1]], constant_values=tf.int32.max), behind, batch_dims=1
    )

    def of_end(values: tf.Tensor) -> tf.Tensor:
        return tf.gather_nd(values, tf.stack([window, end], -1))

    next_start, is_covered = of_end(next_start), of_end(is_covered)
    at_end = tf.where(is_last, tf.gather(windows.characters.row_lengths(), question), last + 1)
    next_start = tf.where(next_start == tf.int32.max, at_end, next_start)
    reach = tf.where(is_covered, last, tf.maximum(last, next_start - 1))

    seen = _places_without(windows, unicode_tables.unseen_code_points())
    last_seen = tf.gather(seen, tf.searchsorted(seen, row_start + reach, side="right") - 1)
    first_seen = tf.gather(seen, tf.searchsorted(seen, row_start))
    widest = tf.minimum(first, first_seen - row_start)
    return (
        tf.where(is_first & (start == 0), widest, first),
        tf.maximum(last, last_seen - row_start),
    )


def _places_without(windows: GraphWindows, code_points: np.ndarray) -> tf.Tensor:
    """Returns the places of all characters except the given ones, as ascending int32.

    The places are indices into the flat values of `windows.characters`, with -1 in front and the
    number of characters at the end. The code points must be in ascending order.
    """
    characters = windows.characters.flat_values
    nearest = tf.searchsorted(code_points, characters)
    is_one = tf.gather(code_points, tf.minimum(nearest, len(code_points) - 1)) == characters
    others = tf.cast(tf.where(~is_one)[:, 0], tf.int32)
    return tf.concat([[-1], others, [tf.size(characters)]], 0)


def _stripped(
    windows: GraphWindows, question: tf.Tensor, first: tf.Tensor, last: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Removes white space at both ends; returns the first character and the one after the last.

    A span that consists only of white space becomes empty.
    """
    others = _places_without(windows, unicode_tables.whitespace_code_points())
    row_start = tf.gather(windows.characters.row_starts(), question)
    begin, end = row_start + first, row_start + last
    begin = tf.gather(others, tf.searchsorted(others, begin))
    end = tf.gather(others, tf.searchsorted(others, end, side="right") - 1)
    is_empty = begin > end
    begin, end = begin - row_start, end - row_start
    return tf.where(is_empty, first, begin), tf.where(is_empty, first, end + 1)
