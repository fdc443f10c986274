"""TFMA measures what was asked for and applies the bounds, on scores in a table."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import tensorflow_model_analysis as tfma

from components.classification_metrics import ScoresError
from components.evaluator.classification import results, tfma_config, tfma_metrics, tfma_results
from components.evaluator.config import EvaluationConfig, Threshold
from components.evaluator.report_content import SliceRow

LABELS = ("no", "yes")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    config = EvaluationConfig(
        thresholds={
            "macro_f1": Threshold(minimum=0.5),
            "recall/yes": Threshold(minimum=0.75),
            "calibration_error": Threshold(maximum=0.1),
        },
        slice_by=("level",),
        slice_thresholds={"level": {"high": {"precision/no": Threshold(minimum=0.9)}}},
    )
    # As given: no no yes yes yes; as said: no yes yes yes no, each sure by 0.8.
    scores = [[0.8, 0.2], [0.2, 0.8], [0.2, 0.8], [0.2, 0.8], [0.8, 0.2]]
    table = pd.DataFrame(
        {
            "label_ids": [0, 0, 1, 1, 1],
            "scores": [np.array(row) for row in scores],
            "level": ["high", "low", "low", "low", "high"],
        }
    )
    eval_config = tfma_config.make_eval_config(
        config, metrics=["accuracy", "macro_f1", "calibration_error"], labels=LABELS
    )
    directory = str(tmp_path_factory.mktemp("tfma"))
    tfma.analyze_raw_data(table, eval_config, output_path=directory)
    return tfma_results.read(
        directory, config, metrics=["accuracy", "macro_f1"], slice_metrics=["accuracy"]
    )


def test_metrics_are_those_of_the_predictions(measured):
    assert measured.confusion.tolist() == [[1, 1], [1, 2]]
    found = {row.name: row.value for row in measured.metrics}
    # F1 of "no" is 2 / (2 + 2), of "yes" 4 / (3 + 3).
    assert found == pytest.approx(
        {
            "accuracy": 0.6,
            "macro_f1": (1 / 2 + 2 / 3) / 2,
            "recall/yes": 2 / 3,
            "calibration_error": 0.2,
            "precision/no": 1 / 2,
        }
    )
    ((count, confidence, accuracy),) = [
        (one.count, one.confidence, one.accuracy) for one in measured.reliability
    ]
    assert (count, confidence, accuracy) == (5, pytest.approx(0.8), pytest.approx(0.6))


def test_bounds_from_below_above_and_on_slices(measured):
    assert not measured.blessed
    assert sorted(measured.failures) == [
        "calibration_error is 0.2000, above the maximum of 0.1000",
        "precision/no where level = high is 0.5000, below the minimum of 0.9000",
        "recall/yes is 0.6667, below the minimum of 0.7500",
    ]


@pytest.mark.parametrize("scores", [[np.nan, np.nan], [0.5, np.inf]])
def test_a_damaged_model_is_an_error_and_not_one_that_chooses_the_first_label(scores):
    matrix = tfma_metrics._ConfusionMatrix(tfma.metrics.MetricKey("m"), tfma.EvalConfig(), 2)
    element = tfma.metrics.StandardMetricInputs(label=np.array([0]), prediction=np.array(scores))
    with pytest.raises(ScoresError, match="training diverged"):
        matrix.add_input(matrix.create_accumulator(), element)


def test_what_is_undefined_is_none_in_the_results(measured):
    row = dataclasses.replace(measured.metrics[0], value=math.nan)
    part = SliceRow("level = low", 3, {"accuracy": math.nan})
    changed = dataclasses.replace(measured, metrics=(row,), slices=(part,))
    found = results.summary(changed, labels=LABELS, data="")
    assert found["metrics"] == {row.name: None}
    assert found["slices"][0]["metrics"] == {"accuracy": None}


def test_slices_have_the_metrics_of_the_task_and_those_with_bounds(measured):
    (high,) = [row for row in measured.slices if row.name == "level = high"]
    assert high.count == 2
    assert high.metrics == pytest.approx({"accuracy": 0.5, "precision/no": 0.5})
