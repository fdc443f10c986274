"""Computes metrics of classes from a confusion matrix, by scikit-learn's definitions.

They are those of `sklearn.metrics.precision_recall_fscore_support` with `zero_division=0`: what is
undefined, such as the precision of a label that was never predicted, is 0. Means over classes take
the classes that occur among labels or predictions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from components import glue_metrics, metric_names


@dataclasses.dataclass(frozen=True)
class ClassScores:
    """Scores of each class, in the order of the labels' ids.

    Attributes:
        precision: share of the predictions of a class that are right, float64 [K].
        recall: share of the examples of a class that are found, float64 [K].
        f1: harmonic mean of both, float64 [K].
        support: number of examples of each class, int64 [K].
        occurs: whether a class occurs among labels or predictions, bool [K].
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray
    occurs: np.ndarray


class ScoresError(ValueError):
    """Scores that are no numbers, so that nothing can be measured with them."""


def check_scores(scores: np.ndarray) -> None:
    """Refuses the output of a damaged model, in which the first label would seem to be chosen.

    Args:
        scores: probabilities of labels, or predicted numbers, of any shape.

    Raises:
        ScoresError: if one of them is NaN or infinite.
    """
    if not np.isfinite(scores).all():
        raise ScoresError(
            "The model's output is not a number: its weights are damaged, or its training "
            "diverged. Look at the loss in the learning curves; a lower training.learning_rate "
            "may help."
        )


def by_class(confusion: np.ndarray) -> ClassScores:
    """Computes the scores of each class.

    Args:
        confusion: counts by label (row) and prediction (column), int [K, K].
    """
    confusion = np.asarray(confusion, np.int64)
    hits, support, predicted = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    return ClassScores(
        precision=_share(hits, predicted),
        recall=_share(hits, support),
        f1=_share(2 * hits, support + predicted),
        support=support,
        occurs=support + predicted > 0,
    )


def compute(name: str, confusion: np.ndarray, labels: Sequence[str]) -> float:
    """Computes a metric.

    Args:
        name: one of `metric_names.during_training(labels)`.
        confusion: counts by label (row) and prediction (column), int [K, K].
        labels: labels in the order of their ids.
    """
    metric, _, label = name.partition("/")
    if label:
        return float(getattr(by_class(confusion), metric)[list(labels).index(label)])
    return _OVERALL[metric](np.asarray(confusion))


def _mean_over_classes(metric: str) -> Callable[[np.ndarray], float]:
    def mean(confusion: np.ndarray) -> float:
        scores = by_class(confusion)
        return float(getattr(scores, metric)[scores.occurs].mean()) if scores.occurs.any() else 0.0

    return mean


def _weighted_f1(confusion: np.ndarray) -> float:
    scores = by_class(confusion)
    return float((scores.f1 * scores.support).sum() / max(scores.support.sum(), 1))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / np.maximum(whole, 1)


_OVERALL: Mapping[str, Callable[[np.ndarray], float]] = {
    "accuracy": glue_metrics.accuracy,
    metric_names.F1: glue_metrics.f1,
    "matthews_correlation": glue_metrics.matthews_correlation,
    "macro_precision": _mean_over_classes("precision"),
    "macro_recall": _mean_over_classes("recall"),
    "macro_f1": _mean_over_classes("f1"),
    "weighted_f1": _weighted_f1,
}
