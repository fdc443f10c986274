"""Scores of single answers and their means, as SQuAD's official script defines them."""

from __future__ import annotations

import collections
import dataclasses
import functools
import re
import string
from collections.abc import Sequence

import numpy as np

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclasses.dataclass(frozen=True)
class QuestionScores:
    """Scores of the n questions of a data set, in the order of the data set.

    Attributes:
        exact: float64[n], 1 if the prediction has the same words as a reference answer, else 0.
        f1: float64[n], best F1 of the words with a reference answer, in [0, 1].
        has_answer: bool[n], whether the data set has an answer.
        is_answered: bool[n], whether the prediction is not empty.
    """

    exact: np.ndarray
    f1: np.ndarray
    has_answer: np.ndarray
    is_answered: np.ndarray

    def in_order(self, order: np.ndarray) -> QuestionScores:
        """Returns the scores of the questions at the indices `order`, int[m]."""
        return QuestionScores(
            self.exact[order], self.f1[order], self.has_answer[order], self.is_answered[order]
        )

    def with_threshold(self, null_odds: np.ndarray, threshold: float) -> QuestionScores:
        """Returns the scores if questions with null odds above the threshold are left unanswered.

        Args:
            null_odds: float64[n], null odds of the questions.
            threshold: questions with larger null odds are left unanswered.
        """
        is_left = null_odds > threshold
        as_empty = (~self.has_answer).astype(np.float64)
        return QuestionScores(
            np.where(is_left, as_empty, self.exact),
            np.where(is_left, as_empty, self.f1),
            self.has_answer,
            self.is_answered & ~is_left,
        )


@dataclasses.dataclass(frozen=True)
class MeanScores:
    """Means over questions, in percent; 0 if there are no questions.

    Attributes:
        exact: mean of the exact matches.
        f1: mean of the F1 scores.
        total: number of questions.
    """

    exact: float
    f1: float
    total: int


def score_questions(answers: Sequence[Sequence[str]], predictions: Sequence[str]) -> QuestionScores:
    """Scores each prediction against the best of its reference answers.

    Args:
        answers: texts of each question's reference answers; empty if it has no answer.
        predictions: predicted answers, in the same order; "" leaves a question unanswered.
    """
    exact, f1 = np.zeros((2, len(predictions)))
    for index, (texts, prediction) in enumerate(zip(answers, predictions, strict=True)):
        references = {words for text in texts if (words := words_of(text))} or {()}
        predicted = words_of(prediction)
        exact[index] = predicted in references
        f1[index] = max(overlap(reference, predicted) for reference in references)
    return QuestionScores(
        exact,
        f1,
        np.array([bool(texts) for texts in answers], bool),
        np.array([bool(prediction) for prediction in predictions], bool),
    )


def mean_scores(scores: QuestionScores, chosen: np.ndarray | None = None) -> MeanScores:
    """Returns the means over all questions, or over those where `chosen` (bool[n]) is True."""
    exact, f1 = scores.exact, scores.f1
    if chosen is not None:
        exact, f1 = exact[chosen], f1[chosen]
    if not len(exact):
        return MeanScores(0.0, 0.0, 0)
    return MeanScores(
        100.0 * float(exact.sum()) / len(exact), 100.0 * float(f1.sum()) / len(f1), len(exact)
    )


@functools.lru_cache(maxsize=1 << 16)
def words_of(text: str) -> tuple[str, ...]:
    """Returns the words of an answer in lower case, without ASCII punctuation and articles."""
    text = text.lower().translate(_WITHOUT_PUNCTUATION)
    return tuple(_ARTICLES.sub(" ", text).split())


def overlap(reference: tuple[str, ...], predicted: tuple[str, ...]) -> float:
    """Returns the F1 of two bags of words; two empty bags have an F1 of 1."""
    if not reference or not predicted:
        return float(reference == predicted)
    common = collections.Counter(reference) & collections.Counter(predicted)
    num_common = sum(common.values())
    if not num_common:
        return 0.0
    precision, recall = num_common / len(predicted), num_common / len(reference)
    return 2 * precision * recall / (precision + recall)
