"""The receiver operating characteristic (ROC) of a task with two labels, from a histogram.

A histogram of scores has the same size for ten examples and for ten million, and the histograms of
several workers can be added.
"""

from __future__ import annotations

import dataclasses

import numpy as np

# A threshold at every hundredth is finer than a plot can show.
NUM_BINS = 100


@dataclasses.dataclass(frozen=True)
class RocPoint:
    """A point of the curve.

    Attributes:
        threshold: examples with at least this score are classified as positive.
        recall: share of the positive examples that are classified as positive; NaN if there are no
            positive examples.
        false_positive_rate: share of the negative examples that are classified as positive; NaN if
            there are no negative examples.
    """

    threshold: float
    recall: float
    false_positive_rate: float


def histogram(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Counts examples by label and score.

    Args:
        labels: the labels, each 0 or 1, [N].
        scores: the scores of label 1, in [0, 1], [N].

    Returns:
        int64 [2, NUM_BINS].
    """
    counts = np.zeros((2, NUM_BINS), np.int64)
    bins = np.clip((scores * NUM_BINS).astype(np.int64), 0, NUM_BINS - 1)
    np.add.at(counts, (labels.astype(np.int64), bins), 1)
    return counts


def curve(counts: np.ndarray) -> list[RocPoint]:
    """Computes the curve, from the strictest threshold, at which nothing is positive, down to 0.

    Args:
        counts: histogram made by `histogram`, or a sum of several.
    """
    reached = np.concatenate([np.zeros((2, 1)), np.cumsum(counts[:, ::-1], axis=1)], axis=1)
    with np.errstate(invalid="ignore"):
        rates = reached / counts.sum(axis=1, keepdims=True)
    thresholds = 1.0 - np.arange(NUM_BINS + 1) / NUM_BINS
    return [
        RocPoint(float(threshold), float(recall), float(false_positive))
        for threshold, false_positive, recall in zip(thresholds, *rates, strict=True)
    ]
