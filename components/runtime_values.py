"""Values that are given when a run starts, in place of those that were compiled into a component.

A component's configuration travels as one JSON text, into which an orchestrator cannot reach. What
may change from run to run is therefore an execution property of its own as well; the executor lays
it over the configuration before it reads that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# Where in the configuration each execution property of the Trainer belongs.
TRAINING_PLACES: Mapping[str, str] = {
    "train_steps": "training.train_steps",
    "batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "init_from": "init_from",
}
# The same for an Evaluator; the value is the JSON of the thresholds as in a preset.
THRESHOLDS_KEY = "thresholds"
EVALUATION_PLACES: Mapping[str, str] = {THRESHOLDS_KEY: "evaluation.thresholds"}


class RuntimeValueError(ValueError):
    """A value given at the start of a run that has no place in the component's configuration."""


def merge(text: str, given: Mapping[str, Any], places: Mapping[str, str]) -> str:
    """The configuration with what was given at the start of the run.

    Args:
        text: configuration as JSON.
        given: execution properties; those that are absent, None or "" change nothing.
        places: dotted place in the configuration by name of the execution property.

    Raises:
        RuntimeValueError: if the configuration has no such place.
    """
    document = json.loads(text)
    for name, place in places.items():
        value = given.get(name)
        if value in (None, ""):
            continue
        *folders, key = place.split(".")
        target = document
        for folder in folders:
            target = target.get(folder) if isinstance(target, dict) else None
        if not isinstance(target, dict) or key not in target:
            raise RuntimeValueError(f"{name} was given, but the configuration has no {place}.")
        target[key] = value
    return json.dumps(document, sort_keys=True)


def merge_evaluation(text: str, given: Mapping[str, Any]) -> str:
    """An Evaluator's settings with the thresholds that were given at the start of the run.

    Raises:
        RuntimeValueError: if they are not a JSON object.
    """
    thresholds = given.get(THRESHOLDS_KEY)
    if not thresholds:
        return text
    try:
        value = json.loads(thresholds)
    except json.JSONDecodeError as error:
        raise RuntimeValueError(f"{THRESHOLDS_KEY} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise RuntimeValueError(
            f"{THRESHOLDS_KEY} should be a JSON object such as "
            f'{{"accuracy": {{"minimum": 0.8}}}}, but is {thresholds}.'
        )
    return merge(text, {THRESHOLDS_KEY: value}, EVALUATION_PLACES)
