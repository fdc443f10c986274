"""Turns the span head's outputs for windows into answers: n-best lists and null odds.

`graph_decoder` does the same inside a TensorFlow graph.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from components.configuration import PositiveInt
from components.preprocessing.question_answering.reach import last_reached
from components.tokenization import unicode_tables

# Log probability of the empty answer that stands in if no span is legal, as in the published code.
_NONCE_LOG_PROB = -1e6
# Upper bound of null scores, larger than any logit. The published code starts its minimum over the
# windows with it.
MAX_NULL_SCORE = 1_000_000.0
_MAX_NAMED = 5


@functools.cache
def _unseen() -> str:
    """Returns all invisible characters; they are gathered only when something is decoded."""
    return "".join(map(chr, unicode_tables.unseen_code_points().tolist()))


class DecodingError(ValueError):
    """Outputs that cannot be decoded into answers; the message names the questions."""


@dataclasses.dataclass(frozen=True)
class DecodingConfig:
    """How answers are chosen.

    Attributes:
        n_best_size: maximum number of answers to keep for a question.
        max_answer_length: maximum number of tokens of an answer.
    """

    n_best_size: PositiveInt
    max_answer_length: PositiveInt


@dataclasses.dataclass(frozen=True)
class WindowOutput:
    """The model's outputs for a window, together with what its record says about it.

    Attributes:
        question_id: id of the question.
        start_top_log_probs: float [start_n_top], log probabilities of the best starts.
        start_top_index: int [start_n_top], their token positions.
        end_top_log_probs: float [start_n_top * end_n_top], log probabilities of the best ends given
            each start, those of the first start first.
        end_top_index: int [start_n_top * end_n_top], their token positions.
        cls_logit: the larger it is, the less likely the question is answerable.
        paragraph_len: number of tokens of the paragraph in the window.
        tok_start_to_orig_index: int [≥ paragraph_len], first character of each token.
        tok_end_to_orig_index: int [≥ paragraph_len], last character of each token.
        token_is_max_context: int or bool [≥ paragraph_len], whether this window is the one in which
            the token has the most context.
    """

    question_id: str
    start_top_log_probs: np.ndarray
    start_top_index: np.ndarray
    end_top_log_probs: np.ndarray
    end_top_index: np.ndarray
    cls_logit: float
    paragraph_len: int
    tok_start_to_orig_index: np.ndarray
    tok_end_to_orig_index: np.ndarray
    token_is_max_context: np.ndarray


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One entry of an n-best list.

    Attributes:
        text: text cut from the paragraph; "" if no span is legal.
        probability: probability within the list, that is, the softmax over the list of start plus
            end log probability.
        start_log_prob: log probability of the start.
        end_log_prob: log probability of the end, given the start.
    """

    text: str
    probability: float
    start_log_prob: float
    end_log_prob: float


@dataclasses.dataclass(frozen=True)
class SpanPredictions:
    """Answers to the questions of a data set, by question id.

    Attributes:
        predictions: best answer of each question; empty only if no span is legal.
        nbest: n-best list of each question, best first.
        null_odds: smallest `cls_logit` of each question's windows. A threshold on it decides
            whether the question is answered.
    """

    predictions: Mapping[str, str]
    nbest: Mapping[str, Sequence[Candidate]]
    null_odds: Mapping[str, float]


def decode(
    outputs: Iterable[WindowOutput], contexts: Mapping[str, str], config: DecodingConfig
) -> SpanPredictions:
    """Decodes the answers to all questions.

    Args:
        outputs: outputs of all windows of all questions. The windows of a question must be in the
            order of its paragraph, because that order decides between equal scores.
        contexts: paragraph of each question, by question id.
        config: how answers are chosen.

    Raises:
        DecodingError: if a question has no window, a window belongs to no question, or a number is
            NaN.
    """
    windows: dict[str, list[WindowOutput]] = {question_id: [] for question_id in contexts}
    unknown = []
    for output in outputs:
        if output.question_id in windows:
            windows[output.question_id].append(output)
        else:
            unknown.append(output.question_id)
    _check_none(unknown, "windows belong to questions that the data set does not have")
    _check_none(
        [question_id for question_id, members in windows.items() if not members],
        "questions of the data set have no window in the records",
    )
    nbest, null_odds = {}, {}
    for question_id, members in windows.items():
        nbest[question_id], null_odds[question_id] = decode_question(
            members, contexts[question_id], config
        )
    predictions = {question_id: candidates[0].text for question_id, candidates in nbest.items()}
    return SpanPredictions(predictions, nbest, null_odds)


def decode_question(
    windows: Sequence[WindowOutput], context: str, config: DecodingConfig
) -> tuple[list[Candidate], float]:
    """Returns the n-best list and the null odds of one question.

    A span is legal if it does not end before it begins, has at most `max_answer_length` tokens,
    begins at a token that has its maximum context in this window, and does not touch the last token
    of the paragraph in the window (published decoding). Among spans with the same text, the best
    counts.

    Departure from the reference: some characters have no piece. An answer includes those behind its
    last piece (see `reach.last_reached`) and those in front of the paragraph's first piece, up
    to the outermost visible one.

    Args:
        windows: windows of the question, in the order of the paragraph.
        context: the paragraph.
        config: how answers are chosen.

    Raises:
        DecodingError: if a number is NaN.
    """
    spans = [
        _legal_spans(
            window,
            config.max_answer_length,
            _widest(
                window,
                is_first=window is windows[0],
                end=len(context) if window is windows[-1] else None,
            ),
        )
        for window in windows
    ]
    start_log_probs, end_log_probs, *places = map(np.concatenate, zip(*spans, strict=True))
    null_odds = min(MAX_NULL_SCORE, *(float(window.cls_logit) for window in windows))
    scores = start_log_probs + end_log_probs
    if np.isnan(scores).any() or any(np.isnan(window.cls_logit) for window in windows):
        raise DecodingError(
            "The model's output is not a number: its weights are damaged, or training diverged."
        )
    chosen: dict[str, int] = {}
    for index in np.argsort(-scores, kind="stable").tolist():
        text = _cut(context, *(int(place[index]) for place in places))
        if text not in chosen:
            chosen[text] = index
            if len(chosen) == config.n_best_size:
                break
    if not chosen:
        return [Candidate("", 1.0, _NONCE_LOG_PROB, _NONCE_LOG_PROB)], null_odds
    best = list(chosen.values())
    weights = np.exp(scores[best] - scores[best[0]])
    probabilities = weights / weights.sum()
    candidates = [
        Candidate(text, float(probability), float(start_log_probs[i]), float(end_log_probs[i]))
        for (text, i), probability in zip(chosen.items(), probabilities, strict=True)
    ]
    return candidates, null_odds


def _cut(context: str, begin: int, last: int, widest_begin: int, widest_last: int) -> str:
    """Returns the text of a span, widened by the visible characters around it without a piece."""
    begin -= len(context[widest_begin:begin].lstrip(_unseen()))
    last += len(context[last + 1 : widest_last + 1].rstrip(_unseen()))
    return context[begin : last + 1].strip()


def _widest(
    window: WindowOutput, *, is_first: bool, end: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first and last character of each token, including neighbours without a piece.

    Args:
        window: window of the tokens.
        is_first: whether this is the first window of the question.
        end: number of characters of the paragraph in its last window; None in all others.
    """
    starts = np.array(window.tok_start_to_orig_index[: window.paragraph_len])
    if is_first:
        starts[:1] = 0
    ends = np.asarray(window.tok_end_to_orig_index)[: window.paragraph_len]
    return starts, last_reached(window.tok_start_to_orig_index[: window.paragraph_len], ends, end)


def _legal_spans(
    window: WindowOutput, max_answer_length: int, widest: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, ...]:
    """Returns the legal spans of a window, one array per property.

    These are the log probabilities (float64) of start and end, the first and the last character
    that the pieces cover, and the same two including neighbouring characters without a piece.
    """
    ends = np.asarray(window.end_top_index, np.int64)
    end_n_top = len(ends) // len(window.start_top_index)
    starts = np.repeat(np.asarray(window.start_top_index, np.int64), end_n_top)
    last = window.paragraph_len - 1
    is_legal = (starts < last) & (ends < last) & (ends >= starts)
    is_legal &= ends - starts < max_answer_length
    legal = np.flatnonzero(is_legal)
    legal = legal[np.asarray(window.token_is_max_context)[starts[legal]] != 0]
    return (
        np.repeat(np.asarray(window.start_top_log_probs, np.float64), end_n_top)[legal],
        np.asarray(window.end_top_log_probs, np.float64)[legal],
        np.asarray(window.tok_start_to_orig_index)[starts[legal]],
        np.asarray(window.tok_end_to_orig_index)[ends[legal]],
        widest[0][starts[legal]],
        widest[1][ends[legal]],
    )


def _check_none(question_ids: list[str], what: str) -> None:
    if question_ids:
        raise DecodingError(
            f"{len(question_ids):,} {what}, e.g. {', '.join(question_ids[:_MAX_NAMED])}. Records "
            "and data set must belong together: preprocess the data set again."
        )
