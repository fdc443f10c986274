"""Scores of slices of a SQuAD data set: by question word, lengths, and number of windows."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Mapping, Sequence

import numpy as np

from components.example_gen.question_answering.squad import Paragraph, Question
from components.span_decoding.squad_metrics import MeanScores, QuestionScores, mean_scores

_QUESTION_WORDS = ("what", "who", "when", "where", "why", "which", "how")
_SAME_WORD = {"whom": "who", "whose": "who"}
_OTHER = "other"
_NO_ANSWER = "no answer"
_WORD = re.compile(r"[^\W\d_]+")
# Lower bounds of the buckets for words of an answer, words of a paragraph, and windows.
_ANSWER_WORDS = (1, 2, 4, 8)
_PARAGRAPH_WORDS = (0, 100, 150, 200, 300)
_WINDOWS = (1, 2, 3)


def slice_scores(
    paragraphs: Sequence[Paragraph],
    scores: QuestionScores,
    *,
    num_windows: Mapping[str, int] | None = None,
) -> dict[str, dict[str, MeanScores]]:
    """Returns mean scores by slice and value.

    Args:
        paragraphs: paragraphs of the data set.
        scores: scores of its questions, in the order of the data set.
        num_windows: number of windows by question id; None leaves out the slice "windows".

    Returns:
        For each of the slices "question_word", "answer_words", "paragraph_words" and "windows", the
        mean scores of its values, in their natural order. Values without questions are left out.
    """
    names: dict[str, list[str]] = {"question_word": [], "answer_words": [], "paragraph_words": []}
    orders = {
        "question_word": [*_QUESTION_WORDS, _OTHER],
        "answer_words": [_NO_ANSWER, *_bucket_names(_ANSWER_WORDS)],
        "paragraph_words": _bucket_names(_PARAGRAPH_WORDS),
    }
    if num_windows is not None:
        names["windows"] = []
        orders["windows"] = _bucket_names(_WINDOWS)
    for paragraph in paragraphs:
        paragraph_words = _bucket(len(paragraph.context.split()), _PARAGRAPH_WORDS)
        for question in paragraph.questions:
            names["question_word"].append(question_word(question.text))
            names["answer_words"].append(_answer_words(question))
            names["paragraph_words"].append(paragraph_words)
            if num_windows is not None:
                names["windows"].append(_bucket(num_windows.get(question.id, 0), _WINDOWS))
    slices = {}
    for name, values in names.items():
        of_question = np.array(values, object)
        slices[name] = {
            value: mean_scores(scores, chosen)
            for value in orders[name]
            if (chosen := of_question == value).any()
        }
    return slices


def question_word(question: str) -> str:
    """Returns the first question word of a question, or "other" if it has none."""
    for word in _WORD.findall(question.lower()):
        word = _SAME_WORD.get(word, word)
        if word in _QUESTION_WORDS:
            return word
    return _OTHER


def _answer_words(question: Question) -> str:
    """Returns the bucket of the shortest answer; annotators differ in how much they mark."""
    lengths = [len(answer.text.split()) for answer in question.answers]
    return _bucket(max(min(lengths), _ANSWER_WORDS[0]), _ANSWER_WORDS) if lengths else _NO_ANSWER


def _bucket(value: int, bounds: Sequence[int]) -> str:
    return _bucket_names(bounds)[max(0, bisect.bisect_right(bounds, value) - 1)]


def _bucket_names(bounds: Sequence[int]) -> list[str]:
    names = []
    for low, following in itertools.pairwise(bounds):
        names.append(str(low) if following == low + 1 else f"{low}-{following - 1}")
    return [*names, f"{bounds[-1]}+"]
