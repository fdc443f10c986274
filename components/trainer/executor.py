"""TFX executor of the Trainer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.components.trainer import executor as tfx_executor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import json_utils

from components import configuration, overrides
from components.trainer import remote_training
from components.trainer.training_job import TrainingJob

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
            exec_properties: as TFX's Trainer, and those that `overrides.TRAINING_PLACES` names;
                `training_job`, a `TrainingJob` as JSON, has a Vertex job do the training.

        Raises:
            TrainingJobError: if the job does not succeed.
        """
        properties = with_runtime_values(exec_properties)
        job = properties.pop(TRAINING_JOB_KEY, None)
        if job:
            properties = _train_remotely(job, input_dict, output_dict, properties)
        super().Do(input_dict, output_dict, properties)


def _train_remotely(
    job: str,
    input_dict: dict[str, list[types.Artifact]],
    output_dict: dict[str, list[types.Artifact]],
    properties: dict[str, Any],
) -> dict[str, Any]:
    """Has a job train; what is left to do here is to evaluate and export, on the CPU."""
    key = standard_component_specs.CUSTOM_CONFIG_KEY
    ((name, text),) = json_utils.loads(properties[key]).items()
    remote_training.train(
        configuration.from_json(TrainingJob, job, where=TRAINING_JOB_KEY),
        run_fn=properties[standard_component_specs.RUN_FN_KEY],
        config_text=text,
        records_dir=artifact_utils.get_single_uri(
            input_dict[standard_component_specs.EXAMPLES_KEY]
        ),
        target=artifact_utils.get_single_uri(output_dict[standard_component_specs.MODEL_RUN_KEY]),
    )
    # The run that was brought back is complete: restoring it finds no update left to make.
    here = json.loads(text)
    here["training"]["strategy"] = "cpu"
    return {**properties, key: json_utils.dumps({name: json.dumps(here, sort_keys=True)})}


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
