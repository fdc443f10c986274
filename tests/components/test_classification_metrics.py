import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from components import classification_metrics, glue_metrics, metric_names

LABELS = ("a", "b/c", "d", "e")


def _examples(kind):
    """Labels and predictions of four classes; the last two cases lack classes."""
    rng = np.random.default_rng(7)
    labels = rng.choice(4, 400, p=[0.6, 0.2, 0.15, 0.05])
    predictions = np.where(rng.random(400) < 0.6, labels, rng.integers(0, 4, 400))
    if kind == "never predicted":
        predictions[predictions == 3] = 0
    elif kind == "absent from both":
        labels[labels == 3] = predictions[predictions == 3] = 1
    return labels, predictions


@pytest.mark.parametrize("kind", ["all", "never predicted", "absent from both"])
def test_every_metric_agrees_with_scikit_learn(kind):
    labels, predictions = _examples(kind)
    confusion = glue_metrics.confusion_matrix(labels, predictions, 4)

    def expected(average, index, **options):
        return sklearn_metrics.precision_recall_fscore_support(
            labels, predictions, average=average, zero_division=0, **options
        )[index]

    theirs = {
        "accuracy": sklearn_metrics.accuracy_score(labels, predictions),
        "matthews_correlation": sklearn_metrics.matthews_corrcoef(labels, predictions),
        "macro_precision": expected("macro", 0),
        "macro_recall": expected("macro", 1),
        "macro_f1": expected("macro", 2),
        "weighted_f1": expected("weighted", 2),
    }
    for index, metric in enumerate(("precision", "recall", "f1")):
        by_class = expected(None, index, labels=range(4))
        theirs |= {f"{metric}/{label}": by_class[n] for n, label in enumerate(LABELS)}
    assert set(theirs) == set(metric_names.during_training(LABELS))
    ours = {name: classification_metrics.compute(name, confusion, LABELS) for name in theirs}
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_a_row_of_each_class_by_hand():
    # Of four "a" three are found and one is called "b"; of two "b" one is found.
    scores = classification_metrics.by_class(np.array([[3, 1], [1, 1]]))
    assert scores.precision.tolist() == [3 / 4, 1 / 2]
    assert scores.recall.tolist() == [3 / 4, 1 / 2]
    assert scores.support.tolist() == [4, 2]


def test_without_examples_everything_is_zero():
    for name in metric_names.during_training(("a", "b")):
        assert classification_metrics.compute(name, np.zeros((2, 2), int), ("a", "b")) == 0


def test_names_in_a_message_stay_short_with_many_labels():
    listed = metric_names.listed(metric_names.of_evaluation([f"label {n}" for n in range(150)]))
    assert "weighted_f1, precision/LABEL, recall/LABEL, f1/LABEL, calibration_error" in listed
    assert len(listed) < 200
