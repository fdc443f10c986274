"""Writes the blessing: the mark that a model may be pushed, in the form that TFX expects."""

from __future__ import annotations

from typing import Any

from absl import logging
from tfx import types
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as tfx_executor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import path_utils

from components import files

# The base class of our evaluators' executors. Vertex's entry point translates the ids in a blessing
# only for subclasses of TFX's own executor; otherwise no later run would find the blessed model.
BlessingExecutor = tfx_executor.Executor


def model_path(artifacts: list[types.Artifact]) -> str:
    """Returns the directory of the SavedModel in a Trainer's output."""
    model = artifact_utils.get_single_instance(artifacts)
    return path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))


def without_baseline(
    input_dict: dict[str, list[types.Artifact]], reason: str
) -> tuple[dict[str, list[types.Artifact]], dict[str, str]]:
    """Leaves out the latest blessed model, which cannot be compared with, and logs why.

    Returns:
        The input artifacts without it, and the report's line about it.
    """
    logging.warning("The latest blessed model is not compared with: %s", reason)
    remaining = {**input_dict, standard_component_specs.BASELINE_MODEL_KEY: []}
    return remaining, {"not compared with the latest blessed model": reason}


def write(
    input_dict: dict[str, list[types.Artifact]],
    output_dict: dict[str, list[types.Artifact]],
    exec_properties: dict[str, Any],
    *,
    blessed: bool,
) -> None:
    """Marks the artifact "blessing" as blessed or not, in properties for the Pusher and resolvers.

    Args:
        input_dict: input artifacts: "model", and "baseline_model" if there is one.
        output_dict: output artifacts: "blessing".
        exec_properties: execution properties of the evaluator.
        blessed: whether the model may be pushed.
    """
    blessing = artifact_utils.get_single_instance(
        output_dict[standard_component_specs.BLESSING_KEY]
    )
    (model,) = input_dict[standard_component_specs.MODEL_KEY]
    blessing.set_string_custom_property(
        constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri
    )
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    for baseline in input_dict.get(standard_component_specs.BASELINE_MODEL_KEY) or ():
        blessing.set_string_custom_property(
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri
        )
        blessing.set_int_custom_property(
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id
        )
    if "current_component_id" in exec_properties:
        blessing.set_string_custom_property("component_id", exec_properties["current_component_id"])
    blessing.set_int_custom_property(
        constants.ARTIFACT_PROPERTY_BLESSED_KEY,
        constants.BLESSED_VALUE if blessed else constants.NOT_BLESSED_VALUE,
    )
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    files.write_bytes(files.join(blessing.uri, name), b"")
