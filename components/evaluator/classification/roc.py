"""Receiver operating characteristic of a task with two labels, from a histogram of its scores.

A histogram has the same size for ten examples and for ten millions, and adds up over workers.
"""

from __future__ import annotations

import dataclasses

import numpy as np

# Thresholds at every hundredth: more than a picture shows.
NUM_BINS = 100


@dataclasses.dataclass(frozen=True)
class RocPoint:
    """What a threshold does.

    Attributes:
        threshold: examples whose score reaches it are called positive.
        recall: share of the positive examples that are; NaN without any.
        false_positive_rate: share of the negative examples that are; NaN without any.
    """

    threshold: float
    recall: float
    false_positive_rate: float


def histogram(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Counts int64 [2, NUM_BINS] by label and by score in [0, 1] of the second label.

    Args:
        labels: 0 or 1, [N].
        scores: of label 1, [N].
    """
    counts = np.zeros((2, NUM_BINS), np.int64)
    bins = np.clip((scores * NUM_BINS).astype(np.int64), 0, NUM_BINS - 1)
    np.add.at(counts, (labels.astype(np.int64), bins), 1)
    return counts


def curve(counts: np.ndarray) -> list[RocPoint]:
    """The curve from the strictest threshold, which calls nothing positive, to 0.

    Args:
        counts: of `histogram`.
    """
    reached = np.concatenate([np.zeros((2, 1)), np.cumsum(counts[:, ::-1], axis=1)], axis=1)
    with np.errstate(invalid="ignore"):
        rates = reached / counts.sum(axis=1, keepdims=True)
    thresholds = 1.0 - np.arange(NUM_BINS + 1) / NUM_BINS
    return [
        RocPoint(float(threshold), float(recall), float(false_positive))
        for threshold, false_positive, recall in zip(thresholds, *rates, strict=True)
    ]
