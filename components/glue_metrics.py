"""Computes GLUE's official metrics from a confusion matrix or from pairs of numbers.

These are accuracy, F1 of label 1 (for MRPC and QQP), Matthews correlation (CoLA), and Pearson and
Spearman correlation (STS-B); see Wang et al. 2018, section 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from scipy import stats


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts examples by label (row) and prediction (column).

    Args:
        labels: int [N], each in [0, num_classes).
        predictions: int [N], each in [0, num_classes).
        num_classes: number of classes.

    Returns:
        int64 [num_classes, num_classes].

    Raises:
        ValueError: if an id lies outside the range.
    """
    labels, predictions = np.asarray(labels, np.int64), np.asarray(predictions, np.int64)
    for name, values in (("label", labels), ("prediction", predictions)):
        if values.size and not 0 <= values.min() <= values.max() < num_classes:
            raise ValueError(
                f"A {name} id lies outside [0, {num_classes}): {values.min()} … {values.max()}. "
                "Is the data's label list the one that the model was made for?"
            )
    flat = np.bincount(labels * num_classes + predictions, minlength=num_classes**2)
    return flat.reshape(num_classes, num_classes)


def accuracy(confusion: np.ndarray) -> float:
    """Returns the share of correct predictions, or 0 if there are no examples."""
    total = confusion.sum()
    return float(np.trace(confusion) / total) if total else 0.0


def f1(confusion: np.ndarray) -> float:
    """Returns the harmonic mean of precision and recall of label 1; 0 without a correct prediction.

    Raises:
        ValueError: if there are not exactly two labels.
    """
    if confusion.shape != (2, 2):
        raise ValueError(f"F1 is defined for two labels here, not for {len(confusion)}.")
    hits = confusion[1, 1]
    return float(2 * hits / max(confusion[1].sum() + confusion[:, 1].sum(), 1))


def matthews_correlation(confusion: np.ndarray) -> float:
    """Returns the Matthews correlation for any number of labels (Gorodkin 2004); 0 if undefined."""
    confusion = confusion.astype(np.float64)
    total, right = confusion.sum(), np.trace(confusion)
    true, predicted = confusion.sum(1), confusion.sum(0)
    covariance = right * total - true @ predicted
    spread = (total**2 - true @ true) * (total**2 - predicted @ predicted)
    return float(covariance / math.sqrt(spread)) if spread > 0 else 0.0


def pearson_correlation(labels: np.ndarray, scores: np.ndarray) -> float:
    """Returns the linear correlation, or 0 if either side is constant."""
    return _correlation(stats.pearsonr, labels, scores)


def spearman_correlation(labels: np.ndarray, scores: np.ndarray) -> float:
    """Returns the rank correlation (ties share their mean rank); 0 if either side is constant."""
    return _correlation(stats.spearmanr, labels, scores)


def _correlation(function: Callable, labels: np.ndarray, scores: np.ndarray) -> float:
    labels, scores = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    if len(labels) < 2 or np.ptp(labels) == 0 or np.ptp(scores) == 0:
        return 0.0
    return float(function(labels, scores)[0])


REGRESSION_METRICS: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "pearson_correlation": pearson_correlation,
    "spearman_correlation": spearman_correlation,
}
