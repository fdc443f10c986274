"""The mark that a model may ship, as TFX's Evaluator leaves it for Pusher and resolvers."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as tfx_executor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import path_utils

from components import files

# Vertex's entry point translates the ids in a blessing for subclasses of TFX's own Evaluator only;
# without that no later run would find the model that was blessed.
BlessingExecutor = tfx_executor.Executor


def model_path(artifacts: list[types.Artifact]) -> str:
    """Directory of what a Trainer exported for serving."""
    model = artifact_utils.get_single_instance(artifacts)
    return path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))


def write(
    input_dict: dict[str, list[types.Artifact]],
    output_dict: dict[str, list[types.Artifact]],
    exec_properties: dict[str, Any],
    *,
    blessed: bool,
) -> None:
    """Marks the artifact "blessing"; Pusher and resolvers go by its properties.

    Args:
        input_dict: "model", and where there is one "baseline_model".
        output_dict: "blessing".
        exec_properties: of the executor.
        blessed: whether the model may ship.
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
