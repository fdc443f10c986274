"""Thresholds on null odds: the best ones, scores by threshold, and precision–recall curves."""

from __future__ import annotations

import dataclasses

import numpy as np

from components.span_decoding.squad_metrics import QuestionScores


@dataclasses.dataclass(frozen=True)
class BestThreshold:
    """The best mean score that any threshold on the null odds gives.

    Attributes:
        score: the best score, in percent.
        threshold: questions with larger odds are left unanswered.
        official: the threshold as the official script names it, which is 0 if it is best to answer
            no question. Applied, that would give another score.
    """

    score: float
    threshold: float
    official: float


@dataclasses.dataclass(frozen=True)
class PrecisionRecall:
    """A precision–recall curve over the thresholds.

    Attributes:
        precisions: float64[points]; the first is 1.
        recalls: float64[points]; the first is 0.
        average_precision: area under the curve, in percent.
    """

    precisions: np.ndarray
    recalls: np.ndarray
    average_precision: float


def best_threshold(
    score: np.ndarray, scores: QuestionScores, null_odds: np.ndarray
) -> BestThreshold:
    """Finds the best threshold in the same way as the official script and the reference.

    Starting from no answers at all, questions are answered one by one, the most certain first. The
    point with the best score counts, and among equals the first. Questions with equal odds are
    taken one by one in the given order, as published.

    Args:
        score: float64[n], exact match or F1 of each question if it is answered.
        scores: scores of the same questions.
        null_odds: float64[n], null odds of the same questions.
    """
    order = np.argsort(null_odds, kind="stable")
    # Answering a question that has no answer loses the point for leaving it unanswered.
    gain = np.where(scores.has_answer, score, -scores.is_answered.astype(np.float64))
    unanswered = np.count_nonzero(~scores.has_answer)
    sums = np.cumsum(np.concatenate([[float(unanswered)], gain[order]]))
    best = int(np.argmax(sums))
    best_score = 100.0 * float(sums[best]) / len(score)
    if best:
        threshold = float(null_odds[order[best - 1]])
        return BestThreshold(best_score, threshold, official=threshold)
    # A model in service compares numbers of type float32.
    below_all = np.nextafter(np.float32(null_odds.min()), np.float32(-np.inf))
    return BestThreshold(best_score, float(below_all), official=0.0)


def score_by_threshold(
    score: np.ndarray, scores: QuestionScores, null_odds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean score at each threshold that makes a difference.

    Args:
        score: float64[n], exact match or F1 of each question if it is answered.
        scores: scores of the same questions.
        null_odds: float64[n], null odds of the same questions.

    Returns:
        Ascending thresholds, float64[points], and scores in percent, float64[points].
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
    """Computes precision and recall as questions are answered, the most certain first.

    This follows the official script.

    Args:
        score: float64[n], in [0, 1]; for a question with an answer, how much of it was found.
        has_answer: bool[n], whether the question has an answer; at least one must be True.
        null_odds: float64[n], null odds of the same questions.
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
