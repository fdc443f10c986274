import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from components import glue_metrics


@pytest.mark.parametrize("num_classes", [2, 3, 5])
def test_classification_metrics_agree_with_scikit_learn(num_classes):
    rng = np.random.default_rng(num_classes)
    labels = rng.integers(0, num_classes, 500)
    predictions = np.where(rng.random(500) < 0.6, labels, rng.integers(0, num_classes, 500))
    confusion = glue_metrics.confusion_matrix(labels, predictions, num_classes)
    assert (confusion == sklearn_metrics.confusion_matrix(labels, predictions)).all()
    assert glue_metrics.accuracy(confusion) == pytest.approx(
        sklearn_metrics.accuracy_score(labels, predictions), abs=1e-12
    )
    assert glue_metrics.matthews_correlation(confusion) == pytest.approx(
        sklearn_metrics.matthews_corrcoef(labels, predictions), abs=1e-12
    )
    if num_classes == 2:
        assert glue_metrics.f1(confusion) == pytest.approx(
            sklearn_metrics.f1_score(labels, predictions), abs=1e-12
        )


def test_f1_by_hand():
    # Two hits, one miss, three false alarms: 2*2 / (3 + 5).
    assert glue_metrics.f1(np.array([[4, 3], [1, 2]])) == 0.5
    with pytest.raises(ValueError, match="two labels"):
        glue_metrics.f1(np.eye(3))


def test_undefined_values_are_zero():
    constant = np.array([[5, 0], [5, 0]])
    assert glue_metrics.matthews_correlation(constant) == 0
    assert glue_metrics.f1(constant) == 0
    assert glue_metrics.accuracy(np.zeros((2, 2), int)) == 0
    assert glue_metrics.pearson_correlation(np.ones(4), np.arange(4)) == 0
    assert glue_metrics.spearman_correlation(np.arange(4), np.ones(4)) == 0


def test_correlations_by_hand():
    labels, scores = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 9.0])
    # Deviations (-1, 0, 1) and (-3, -2, 5): 8 / sqrt(2 * 38).
    assert glue_metrics.pearson_correlation(labels, scores) == pytest.approx(8 / np.sqrt(76))
    assert glue_metrics.spearman_correlation(labels, scores) == pytest.approx(1.0)


def test_ids_outside_the_range_are_named():
    with pytest.raises(ValueError, match=r"A label id lies outside \[0, 2\): -1"):
        glue_metrics.confusion_matrix(np.array([-1, 1]), np.array([0, 1]), 2)
