"""Settings that can be changed when a run starts, after the pipeline has been compiled.

A component's configuration is one JSON text inside the compiled pipeline, and an orchestrator
cannot change a value in it. Every setting that may differ between runs is therefore also an
execution property of its own. The executor merges these properties into the configuration before it
reads the configuration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# For each such execution property of the Trainer, its place in the configuration.
TRAINING_PLACES: Mapping[str, str] = {
    "train_steps": "training.train_steps",
    "batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "init_from": "init_from",
}
# The same for an Evaluator. The value is the JSON of the thresholds, written as in a preset.
THRESHOLDS_KEY = "thresholds"
EVALUATION_PLACES: Mapping[str, str] = {THRESHOLDS_KEY: "evaluation.thresholds"}


class RuntimeValueError(ValueError):
    """A value given at the start of a run that has no place in the component's configuration."""


def merge(text: str, given: Mapping[str, Any], places: Mapping[str, str]) -> str:
    """Merges the values that were given at the start of the run into a configuration.

    Args:
        text: the configuration as JSON.
        given: the execution properties; those that are absent, None or "" change nothing.
        places: for each name of an execution property, the dotted place of its value in the
            configuration.

    Returns:
        The merged configuration as JSON.

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
    """Merges thresholds that were given at the start of the run into an Evaluator's settings.

    Args:
        text: settings of the Evaluator as JSON.
        given: the execution properties; without thresholds, the settings are returned unchanged.

    Raises:
        RuntimeValueError: if the thresholds are not a JSON object.
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
