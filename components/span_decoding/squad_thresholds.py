"""Which null odds are too high to answer: best thresholds and precision–recall curves."""

from __future__ import annotations

import dataclasses

import numpy as np

from components.span_decoding.squad_metrics import QuestionScores


@dataclasses.dataclass(frozen=True)
class BestThreshold:
    """The best mean score that a threshold on the null odds gives.

    Attributes:
        score: in percent.
        threshold: questions with larger odds are left unanswered; 0 if it is best to answer none.
    """

    score: float
    threshold: float


@dataclasses.dataclass(frozen=True)
class PrecisionRecall:
    """A precision–recall curve over the thresholds.

    Attributes:
        precisions: float64[points], from 1 on.
        recalls: float64[points], from 0 on.
        average_precision: area under the curve, in percent.
    """

    precisions: np.ndarray
    recalls: np.ndarray
    average_precision: float


def best_threshold(
    score: np.ndarray, scores: QuestionScores, null_odds: np.ndarray
) -> BestThreshold:
    """The best threshold, found as the official script and the reference find it.

    Questions are answered one after the other, the surest first, from none to all; the best moment
    counts, and of equal ones the first. Questions with equal odds come in the order given and are
    told apart, as published.

    Args:
        score: float64[n], exact or F1 of each question if it is answered.
        scores: of the same questions.
        null_odds: float64[n].
    """
    order = np.argsort(null_odds, kind="stable")
    # Answering a question that has no answer loses the point that silence would have won.
    gain = np.where(scores.has_answer, score, -scores.is_answered.astype(np.float64))
    unanswered = np.count_nonzero(~scores.has_answer)
    sums = np.cumsum(np.concatenate([[float(unanswered)], gain[order]]))
    best = int(np.argmax(sums))
    return BestThreshold(
        100.0 * float(sums[best]) / len(score),
        float(null_odds[order[best - 1]]) if best else 0.0,
    )


def score_by_threshold(
    score: np.ndarray, scores: QuestionScores, null_odds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean score for each threshold that makes a difference.

    Args:
        score: float64[n], exact or F1 of each question if it is answered.
        scores: of the same questions.
        null_odds: float64[n].

    Returns:
        thresholds float64[points], rising, and scores in percent, float64[points].
    """
    order = np.argsort(null_odds, kind="stable")
    gain = np.where(scores.has_answer, score, -scores.is_answered.astype(np.float64))
    unanswered = np.count_nonzero(~scores.has_answer)
    sums = unanswered + np.cumsum(gain[order])
    sorted_odds = null_odds[order]
    # Questions with equal odds are answered together.
    is_point = np.append(sorted_odds[1:] != sorted_odds[:-1], True)
    return sorted_odds[is_point], 100.0 * sums[is_point] / len(score)


def precision_recall(
    score: np.ndarray, has_answer: np.ndarray, null_odds: np.ndarray
) -> PrecisionRecall:
    """Precision and recall as questions are answered, the surest first (official script).

    Args:
        score: float64[n], in [0, 1]; of questions with an answer it counts as so much found.
        has_answer: bool[n], at least one True.
        null_odds: float64[n].
    """
    order = np.argsort(null_odds, kind="stable")
    found = np.cumsum(np.where(has_answer, score, 0.0)[order])
    sorted_odds = null_odds[order]
    # Questions with equal odds are answered together.
    is_point = np.append(sorted_odds[1:] != sorted_odds[:-1], True)
    answered = np.flatnonzero(is_point)
    precisions = found[answered] / (answered + 1)
    recalls = found[answered] / np.count_nonzero(has_answer)
    area = float((precisions * np.diff(recalls, prepend=0.0)).sum())
    return PrecisionRecall(
        np.concatenate([[1.0], precisions]), np.concatenate([[0.0], recalls]), 100.0 * area
    )
