import json

import pytest

from components.configuration import ConfigurationError
from components.trainer import repeats, run_folder
from pipeline import baseline, graph, preset_loader

SEARCH = (
    "search={metric: accuracy, max_trials: 2, "
    "space: {training.learning_rate: {minimum: 1.0e-5, maximum: 1.0e-4, scale: log}}}"
)


def nodes(*overrides) -> dict:
    config = preset_loader.load("sample", overrides)
    made = graph.create_pipeline(
        config, pipeline_root="root", resolve_baseline=baseline.blessed_before
    )
    return {node.id: node for node in made.components}


def custom_config(node) -> dict:
    return json.loads(node.exec_properties["custom_config"])


def test_a_pipeline_searches_only_when_asked_to():
    plain = nodes()
    assert "Tuner" not in plain
    assert "hyperparameters" not in plain["Trainer"].inputs
    assert custom_config(plain["Trainer"])[run_folder.STATE_ROOT_KEY] == "runs/sample/training"

    searching = nodes(SEARCH)
    tuner, trainer = searching["Tuner"], searching["Trainer"]
    assert trainer.inputs["hyperparameters"] is tuner.outputs["best_hyperparameters"]
    assert tuner.exec_properties["tuner_fn"] == "components.trainer.classification.run_fn.tuner_fn"
    assert "search" in custom_config(tuner)


def test_seeds_reach_the_trainer():
    repeated = nodes("repeats={metric: accuracy, seeds: [1, 2, 3]}")
    asked = json.loads(custom_config(repeated["Trainer"])[repeats.REPEATS_KEY])
    assert asked == {"metric": "accuracy", "seeds": [1, 2, 3]}


def test_a_space_with_an_unknown_setting_is_an_error_before_anything_runs():
    with pytest.raises(ConfigurationError, match="Did you mean 'learning_rate'"):
        nodes(SEARCH.replace("learning_rate", "learnin_rate"))
