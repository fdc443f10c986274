import numpy as np
import pytest
from sklearn import metrics

from components.evaluator.classification import roc


def test_the_curve_is_that_of_scikit_learn_on_scores_of_two_digits():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=500)
    scores = np.round(np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 0.99), 2) + 0.001
    counts = roc.histogram(labels[:200], scores[:200]) + roc.histogram(labels[200:], scores[200:])
    points = {round(point.threshold, 2): point for point in roc.curve(counts)}
    expected = metrics.roc_curve(labels, scores, drop_intermediate=False)
    for false_positive_rate, recall, threshold in list(zip(*expected, strict=True))[1:]:
        point = points[round(threshold - 0.001, 2)]
        assert point.recall == pytest.approx(recall)
        assert point.false_positive_rate == pytest.approx(false_positive_rate)


def test_a_label_that_does_not_occur_has_no_rate():
    points = roc.curve(roc.histogram(np.ones(3), np.asarray([0.2, 1.0, 0.0])))
    assert points[1].recall == pytest.approx(1 / 3)
    assert np.isnan(points[1].false_positive_rate)
