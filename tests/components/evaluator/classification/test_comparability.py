"""Exported models of each kind, beside the tasks of each kind."""

import pytest

from components.evaluator.classification import comparability
from tests.components.evaluator.classification.test_executor import save_model

TASKS = {
    "classification": ["a", "b"],
    "multiple_choice": ["a", "b"],
    "regression": None,
}


@pytest.mark.parametrize("model", TASKS)
def test_only_a_model_of_the_same_kind_can_be_measured(tmp_path, model):
    save_model(tmp_path, ["a", "b"], model)
    found = {
        kind: comparability.obstacle(f"{tmp_path}/Format-Serving", kind=kind, labels=labels)
        for kind, labels in TASKS.items()
    }
    assert found == {
        kind: None if kind == model else f"It is no model for {kind.replace('_', ' ')}."
        for kind in TASKS
    }


@pytest.mark.parametrize("kind", ["classification", "multiple_choice"])
def test_labels_and_their_order_have_to_be_the_same(tmp_path, kind):
    save_model(tmp_path, ["a", "b"], kind)
    path = f"{tmp_path}/Format-Serving"
    for labels in (["b", "a"], ["a"], ["a", "b", "c"]):
        found = comparability.obstacle(path, kind=kind, labels=labels)
        assert found == f"Its labels are a, b, and those of the new one {', '.join(labels)}."
