import json

import pytest
from tfx.components.tuner import executor as tfx_executor
from tfx.utils import json_utils

from components.trainer import tuner_executor

TRAINING = {"train_steps": 5, "batch_size": 8, "learning_rate": 0.1}


@pytest.mark.parametrize("name", list(TRAINING))
def test_each_runtime_value_reaches_the_configuration_that_is_searched_from(name, monkeypatch):
    seen = []
    monkeypatch.setattr(tfx_executor.Executor, "Do", lambda self, *given: seen.append(given[2]))
    compiled = {"fine_tuning": json.dumps({"init_from": None, "training": TRAINING}), "search": "s"}
    properties = {"tuner_fn": "f", "custom_config": json_utils.dumps(compiled), name: 7}
    tuner_executor.Executor().Do({}, {}, properties)
    (given,) = seen
    assert set(given) == {"tuner_fn", "custom_config"}
    custom = json_utils.loads(given["custom_config"])
    assert custom["search"] == "s"
    assert json.loads(custom["fine_tuning"])["training"] == {**TRAINING, name: 7}
