"""Runs a TFX executor on an executor input that `executor_input` has repaired."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from absl import logging
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.base import base_beam_executor, base_executor
from tfx.dsl.io import fileio
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as tfx_utils
from tfx.orchestration.portable import outputs_utils
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import import_utils


def run(
    class_path: str,
    document: Mapping[str, Any],
    *,
    inputs_spec: str | None,
    beam_arguments: list[str],
    temporary_folder: str,
    task_folder: str,
) -> dict[str, dict[str, Any]]:
    """Runs the executor.

    Args:
        class_path: dotted path of the executor's class.
        document: the executor input, with types and with addresses that can be opened.
        inputs_spec: specification of the component's inputs as JSON; None in schema 2.0, where
            parameters have types.
        beam_arguments: command-line arguments for Beam.
        temporary_folder: folder for temporary files.
        task_folder: folder of this attempt, whose name is unique to the attempt.

    Returns:
        The metadata of each output.
    """
    logging.set_verbosity(logging.INFO)
    given = json_format.ParseDict(
        document, pipeline_spec_pb2.ExecutorInput(), ignore_unknown_fields=True
    )
    _add_drivers_properties(given)
    names: dict[int, str] = {}
    inputs = tfx_utils.parse_raw_artifact_dict(given.inputs.artifacts, names)
    outputs = tfx_utils.parse_raw_artifact_dict(given.outputs.artifacts, names)
    spec = None
    if inputs_spec:
        spec = json_format.Parse(
            inputs_spec, pipeline_spec_pb2.ComponentInputsSpec(), ignore_unknown_fields=True
        )
    properties = tfx_utils.parse_execution_properties(
        given.inputs.parameter_values, given.inputs.parameters, spec
    )
    executor_class = import_utils.import_class_by_path(class_path)
    context_arguments = {
        "unique_id": os.path.basename(task_folder),
        "tmp_dir": temporary_folder,
    }
    if issubclass(executor_class, base_beam_executor.BaseBeamExecutor):
        context = base_beam_executor.BaseBeamExecutor.Context(
            beam_pipeline_args=beam_arguments, **context_arguments
        )
    else:
        context = base_executor.BaseExecutor.Context(
            extra_flags=beam_arguments, **context_arguments
        )
    logging.info("%s starts on %s", class_path, inputs)
    executor_class(context).Do(inputs, outputs, properties)
    outputs_utils.tag_output_artifacts_with_version(outputs)
    blessing = outputs.get(standard_component_specs.BLESSING_KEY)
    if blessing:
        # Refer to models by the backend's names instead of the numbers that TFX made up for them.
        tfx_utils.refactor_model_blessing(artifact_utils.get_single_instance(blessing), names)
    return {
        key: json_format.MessageToDict(artifacts.artifacts[0].metadata)
        for key, artifacts in tfx_utils.translate_executor_output(outputs, names).items()
    }


def _add_drivers_properties(given: pipeline_spec_pb2.ExecutorInput) -> None:
    """Adds what the driver of an ExampleGen found to the parameters.

    On Vertex AI, TFX's driver leaves its results in the output file.
    """
    path = given.outputs.output_file
    if not fileio.exists(path):
        return
    with fileio.open(path, "rb") as file:
        found = json_format.Parse(
            file.read(), pipeline_spec_pb2.ExecutorOutput(), ignore_unknown_fields=True
        )
    for name, value in found.parameter_values.items():
        given.inputs.parameter_values[name].CopyFrom(value)
    for name, value in found.parameters.items():
        given.inputs.parameters[name].CopyFrom(value)
