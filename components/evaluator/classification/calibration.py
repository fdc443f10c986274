"""How far a classifier's probabilities can be trusted: reliability and calibration error.

Predictions are sorted into bins by the probability of the predicted label. In each bin, a
calibrated model is right as often as it says. The expected calibration error is the mean distance
between the two, weighted by the size of the bins (Guo et al. 2017, equation 3).

Like the histogram of `roc`, the sums have the same size for any number of examples, and those of
several workers can be added.
"""

from __future__ import annotations

import numpy as np

from components.evaluator.report_content import ReliabilityBin

# As in Guo et al. 2017.
NUM_BINS = 15
_INNER_EDGES = np.linspace(0, 1, NUM_BINS + 1)[1:-1]


def sums(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Adds up predictions by bin.

    Args:
        labels: label ids, int [N].
        probabilities: of each label, float [N, K].

    Returns:
        Their number, the sum of their probabilities, and how many are right, float64 [3, NUM_BINS].
    """
    best = probabilities.argmax(-1)
    confidence = probabilities.max(-1).astype(np.float64)
    # A bin contains its upper edge, as in Guo et al. and in scikit-learn's calibration_curve.
    bins = np.searchsorted(_INNER_EDGES, confidence)
    return np.stack(
        [
            np.bincount(bins, weights, minlength=NUM_BINS)
            for weights in (np.ones_like(confidence), confidence, best == labels)
        ]
    )


def reliability(binned: np.ndarray) -> list[ReliabilityBin]:
    """Returns the bins that have predictions, from low to high probability.

    Args:
        binned: result of `sums`, or the sum of several.
    """
    return [
        ReliabilityBin(int(count), float(confidence / count), float(right / count))
        for count, confidence, right in np.asarray(binned).T
        if count
    ]


def expected_error(binned: np.ndarray) -> float:
    """Returns the expected calibration error, between 0 and 1; 0 without predictions.

    Args:
        binned: result of `sums`, or the sum of several.
    """
    counts, confidences, right = np.asarray(binned)
    return float(np.abs(right - confidences).sum() / max(counts.sum(), 1))
