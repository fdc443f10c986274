import json

import pytest

from components import runtime_values
from components.evaluator.classification import executor as evaluator_executor


def test_thresholds_replace_those_that_were_compiled_in():
    text = json.dumps({"title": "t", "evaluation": {"thresholds": {"f1": {"minimum": 1.0}}}})
    given = {"thresholds": '{"accuracy": {"minimum": 0.5}}'}
    merged = json.loads(runtime_values.merge_evaluation(text, given))
    assert merged["evaluation"]["thresholds"] == {"accuracy": {"minimum": 0.5}}
    assert runtime_values.merge_evaluation(text, {}) == text


@pytest.mark.parametrize("given", ["{", "[1]", "0.5"])
def test_thresholds_that_are_no_object_are_named(given):
    with pytest.raises(runtime_values.RuntimeValueError, match="thresholds"):
        runtime_values.merge_evaluation('{"evaluation": {"thresholds": {}}}', {"thresholds": given})


def test_a_value_without_a_place_is_an_error():
    with pytest.raises(runtime_values.RuntimeValueError, match=r"no training\.train_steps"):
        runtime_values.merge("{}", {"train_steps": 1}, runtime_values.TRAINING_PLACES)


def test_the_evaluator_judges_by_the_thresholds_given_at_the_start():
    settings = {
        "evaluation": {"thresholds": {"accuracy": {"minimum": 0.9}}},
        "metrics": ["accuracy"],
        "metrics_beside": [],
        "labels": ["no", "yes"],
    }
    properties = {"report_settings": json.dumps(settings), "eval_config": "compiled"}
    assert evaluator_executor.with_runtime_thresholds(properties) == properties
    changed = evaluator_executor.with_runtime_thresholds(
        {**properties, "thresholds": '{"accuracy": {"minimum": 0.25}}'}
    )
    (metric,) = [
        metric
        for spec in json.loads(changed["eval_config"])["metrics_specs"]
        for metric in spec["metrics"]
        if metric.get("per_slice_thresholds")
    ]
    (bound,) = metric["per_slice_thresholds"]
    assert bound["threshold"]["value_threshold"]["lower_bound"] == 0.25
    with pytest.raises(ValueError, match="names loss"):
        evaluator_executor.with_runtime_thresholds(
            {**properties, "thresholds": '{"loss": {"minimum": 0.25}}'}
        )
