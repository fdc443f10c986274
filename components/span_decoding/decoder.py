"""What the span head says about windows to answers: n-best lists, predictions and null odds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from components.preprocessing.question_answering.alignment import last_reached
from components.tokenization import unicode_tables

# What stands for a question none of whose spans is legal (published decoding).
_NONCE_LOG_PROB = -1e6
# Larger than every logit: the minimum over no windows.
MAX_NULL_SCORE = 1_000_000.0
_MAX_NAMED = 5
_UNSEEN = "".join(map(chr, unicode_tables.unseen_code_points().tolist()))


class DecodingError(ValueError):
    """Outputs from which no answers can be made; the message names the questions."""


@dataclasses.dataclass(frozen=True)
class DecodingConfig:
    """How answers are chosen.

    Attributes:
        n_best_size: answers kept for a question.
        max_answer_length: tokens of an answer at most.
    """

    n_best_size: int
    max_answer_length: int

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{field.name} must be a positive integer, not {value!r}.")


@dataclasses.dataclass(frozen=True)
class WindowOutput:
    """What the model says about a window, and what the record says about it.

    Attributes:
        question_id: of the record.
        start_top_log_probs: float [start_n_top].
        start_top_index: int [start_n_top], tokens.
        end_top_log_probs: float [start_n_top * end_n_top], ends of the first start first.
        end_top_index: int [start_n_top * end_n_top], tokens.
        cls_logit: the larger, the less answerable.
        paragraph_len: tokens of the paragraph in the window.
        tok_start_to_orig_index: int [≥ paragraph_len], first character of each token.
        tok_end_to_orig_index: int [≥ paragraph_len], last character of each token.
        token_is_max_context: int or bool [≥ paragraph_len].
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
        text: cut from the paragraph; "" if no span was legal.
        probability: softmax of the sum of the log probabilities over the list.
        start_log_prob: of the start.
        end_log_prob: of the end, given the start.
    """

    text: str
    probability: float
    start_log_prob: float
    end_log_prob: float


@dataclasses.dataclass(frozen=True)
class SpanPredictions:
    """Answers to a data set's questions, by question id.

    Attributes:
        predictions: the best answer, never the empty one if any span was legal.
        nbest: the n-best list, best first.
        null_odds: the smallest `cls_logit` of the question's windows; a threshold on it decides
            whether the question is answered.
    """

    predictions: Mapping[str, str]
    nbest: Mapping[str, Sequence[Candidate]]
    null_odds: Mapping[str, float]

    def nbest_as_json(self) -> dict[str, list[dict[str, Any]]]:
        """The n-best lists as `nbest_predictions.json` has them."""
        return {
            question_id: [dataclasses.asdict(candidate) for candidate in candidates]
            for question_id, candidates in self.nbest.items()
        }


def decode(
    outputs: Iterable[WindowOutput], contexts: Mapping[str, str], config: DecodingConfig
) -> SpanPredictions:
    """Answers every question.

    Args:
        outputs: of all windows of all questions; those of a question in the order of its paragraph,
            which decides between equal scores.
        contexts: the paragraph of each question, by question id.
        config: how answers are chosen.

    Raises:
        DecodingError: if a question has no window, a window no question, or a number is NaN.
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
    """The n-best list and the null odds of one question.

    Legal spans end after they begin, have at most `max_answer_length` tokens, begin at a token that
    has its best context in the window, and lie in the paragraph without its last token (published
    decoding). Of spans with the same text the best counts.

    Departure from the reference: an answer also has what no piece stands for behind its last piece
    (see `alignment.last_reached`) and in front of the paragraph's first, if anything of it is seen.

    Args:
        windows: of the question, in the order of the paragraph.
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
            f"The model's output for question {windows[0].question_id} is not a number: its "
            "weights are damaged, or training diverged."
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
    """The text of a span, with what is seen of the characters that no piece stands for."""
    begin -= len(context[widest_begin:begin].lstrip(_UNSEEN))
    last += len(context[last + 1 : widest_last + 1].rstrip(_UNSEEN))
    return context[begin : last + 1].strip()


def _widest(
    window: WindowOutput, *, is_first: bool, end: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """First and last character of each token, with those around them that have no piece."""
    starts = np.array(window.tok_start_to_orig_index[: window.paragraph_len])
    if is_first:
        starts[:1] = 0
    ends = np.asarray(window.tok_end_to_orig_index)[: window.paragraph_len]
    return starts, last_reached(window.tok_start_to_orig_index[: window.paragraph_len], ends, end)


def _legal_spans(
    window: WindowOutput, max_answer_length: int, widest: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, ...]:
    """Legal spans: log probabilities (float64) of start and end, then places of characters.

    First and last one that the pieces stand for, then those with what has no piece.
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
