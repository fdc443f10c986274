"""TFX executor of the Trainer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.components.trainer import executor as tfx_executor
from tfx.types import standard_component_specs
from tfx.utils import json_utils

from components import overrides

TRAINING_JOB_KEY = "training_job"


class Executor(tfx_executor.GenericExecutor):
    """Trains as TFX's generic Trainer does, with the values given when the run started."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Trains and exports.

        Args:
            input_dict: as TFX's Trainer.
            output_dict: "model" and "model_run".
            exec_properties: as TFX's Trainer, and those that `overrides.TRAINING_PLACES` names.
        """
        properties = with_runtime_values(exec_properties)
        super().Do(input_dict, output_dict, properties)


def with_runtime_values(exec_properties: Mapping[str, Any]) -> dict[str, Any]:
    """The execution properties, with runtime values in every configuration of `custom_config`.

    Raises:
        OverrideError: if a configuration has no place for one.
    """
    key = standard_component_specs.CUSTOM_CONFIG_KEY
    configurations = {
        name: overrides.merge(text, exec_properties, overrides.TRAINING_PLACES)
        for name, text in json_utils.loads(exec_properties[key]).items()
    }
    rest = {
        name: value
        for name, value in exec_properties.items()
        if name not in overrides.TRAINING_PLACES
    }
    return {**rest, key: json_utils.dumps(configurations)}
