import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from components.evaluator.classification import calibration


def test_agrees_with_the_bins_of_scikit_learn():
    rng = np.random.default_rng(3)
    probabilities = rng.dirichlet([0.4, 0.3, 0.3], 600)
    probabilities[:3] = np.eye(3)
    labels = np.where(rng.random(600) < 0.7, probabilities.argmax(1), rng.integers(0, 3, 600))
    binned = calibration.sums(labels, probabilities)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    accuracies, confidences = calibration_curve(right, confidence, n_bins=calibration.NUM_BINS)
    found = calibration.reliability(binned)
    assert [one.accuracy for one in found] == pytest.approx(accuracies)
    assert [one.confidence for one in found] == pytest.approx(confidences)
    weights = np.array([one.count for one in found]) / 600
    expected = (weights * np.abs(accuracies - confidences)).sum()
    assert calibration.expected_error(binned) == pytest.approx(expected)


def test_by_hand():
    # Sure by 0.9 and right in one of two, sure by 0.6 and right: (|1 - 1.8| + |1 - 0.6|) / 3.
    probabilities = np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4]])
    labels = np.array([0, 0, 0])
    whole = calibration.sums(labels, probabilities)
    assert calibration.expected_error(whole) == pytest.approx(0.4)
    parts = [calibration.sums(labels[n : n + 1], probabilities[n : n + 1]) for n in range(3)]
    np.testing.assert_allclose(sum(parts), whole)


def test_without_predictions():
    empty = calibration.sums(np.zeros(0, int), np.zeros((0, 2)))
    assert calibration.expected_error(empty) == 0
    assert calibration.reliability(empty) == []
