"""TFX executor of the Trainer: trains in this process, or hands the training to a Vertex AI job."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.components.trainer import executor as tfx_executor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import json_utils, path_utils

from components import configuration, files, runtime_values
from components.trainer import remote_training, run_folder
from components.trainer.training_job import TrainingJob

TRAINING_JOB_KEY = "training_job"

# Keys under which the Trainer's `custom_config` may hold the configuration of a run. Each is the
# CONFIG_KEY of a run_fn module.
_CONFIG_KEYS = ("fine_tuning", "pretraining")


class Executor(tfx_executor.GenericExecutor):
    """Trains as TFX's generic Trainer does, but applies the values given when the run started."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Trains and exports the model.

        Args:
            input_dict: the same inputs as for TFX's Trainer.
            output_dict: the artifacts "model" and "model_run".
            exec_properties: those of TFX's Trainer and those named in
                `runtime_values.TRAINING_PLACES`. If `training_job` (a `TrainingJob` as JSON) is
                given, a Vertex AI job does the training.

        Raises:
            TrainingJobError: if the Vertex AI job does not succeed.
        """
        properties = with_runtime_values(exec_properties)
        job = properties.pop(TRAINING_JOB_KEY, None)
        if not job:
            super().Do(input_dict, output_dict, properties)
            return
        records_dir = artifact_utils.get_single_uri(
            input_dict[standard_component_specs.EXAMPLES_KEY]
        )
        trained_dir = _train_remotely(job, records_dir, properties)
        module, _, _ = properties[standard_component_specs.RUN_FN_KEY].rpartition(".")
        export = getattr(importlib.import_module(module), "export_trained_elsewhere", None)
        if export is None:
            # The run is complete, so restoring it here finds no update and no evaluation left to
            # make. What remains is the export.
            super().Do(input_dict, output_dict, _on_one_device(properties))
            return
        model = artifact_utils.get_single_uri(output_dict[standard_component_specs.MODEL_KEY])
        run = artifact_utils.get_single_uri(output_dict[standard_component_specs.MODEL_RUN_KEY])
        files.copy_tree(trained_dir, run)
        export(trained_dir, records_dir=records_dir, directory=path_utils.serving_model_dir(model))


def with_runtime_values(exec_properties: Mapping[str, Any]) -> dict[str, Any]:
    """Moves the runtime values among the execution properties into the run's configuration.

    Returns:
        The execution properties without the runtime values, which are now part of the configuration
        in `custom_config`.

    Raises:
        RuntimeValueError: if the configuration has no place for one of the values.
    """
    name, text, custom = _configuration(exec_properties)
    custom[name] = runtime_values.merge(text, exec_properties, runtime_values.TRAINING_PLACES)
    rest = {
        name: value
        for name, value in exec_properties.items()
        if name not in runtime_values.TRAINING_PLACES
    }
    return {**rest, standard_component_specs.CUSTOM_CONFIG_KEY: json_utils.dumps(custom)}


def _configuration(exec_properties: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Returns the key and the JSON of the run's configuration, and the whole `custom_config`."""
    custom = json_utils.loads(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
    (name,) = [key for key in _CONFIG_KEYS if key in custom]
    return name, custom[name], custom


def _train_remotely(job: str, records_dir: str, properties: Mapping[str, Any]) -> str:
    _, text, custom = _configuration(properties)
    return remote_training.train(
        configuration.from_json(TrainingJob, job, where=TRAINING_JOB_KEY),
        run_fn=properties[standard_component_specs.RUN_FN_KEY],
        config_text=text,
        records_dir=records_dir,
        state_root=run_folder.state_root(custom),
    )


def _on_one_device(properties: Mapping[str, Any]) -> dict[str, Any]:
    name, text, custom = _configuration(properties)
    config = json.loads(text)
    config["training"]["strategy"] = "one_device"
    custom[name] = json.dumps(config, sort_keys=True)
    return {**properties, standard_component_specs.CUSTOM_CONFIG_KEY: json_utils.dumps(custom)}
