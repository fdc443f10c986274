"""Pushes a model: to an S3 service too, which TFX's own Pusher cannot do, and with its card."""

from __future__ import annotations

import os

from tfx import types
from tfx.components.pusher import executor as tfx_executor
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from components import files, model_card
from components.evaluator.names import EXAMPLES_NAME
from components.export.signatures import EXAMPLES_PATH

EVALUATION_KEY = "evaluation"

_SCHEME = "s3://"
# Copied last, because servers consider a version complete once it has this file.
_LAST = "saved_model.pb"
# Where files of the evaluation go to in the pushed folder.
_SHIPPED = {model_card.NAME: (model_card.NAME,), EXAMPLES_NAME: EXAMPLES_PATH}


class Executor(tfx_executor.Executor):
    """TFX's Pusher; for `s3://`, it pushes to the local disk first and then uploads the result.

    The model card and the examples to try that the evaluation wrote are added to the pushed folder.
    """

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict,
    ) -> None:
        """Pushes the model if it is blessed.

        Args:
            input_dict: artifacts under the keys "model" and "model_blessing", and optionally
                "evaluation".
            output_dict: one artifact under the key "pushed_model".
            exec_properties: "push_destination" says where to push to, possibly a folder on `s3://`.
        """
        key = standard_component_specs.PUSH_DESTINATION_KEY
        destination = proto_utils.json_to_proto(exec_properties[key], pusher_pb2.PushDestination())
        folder = destination.filesystem.base_directory.rstrip("/")
        if not folder.startswith(_SCHEME):
            super().Do(input_dict, output_dict, exec_properties)
            _add_card(input_dict, _pushed(output_dict))
            return
        local = os.path.join(self._get_tmp_dir(), "push")
        destination.filesystem.base_directory = local
        properties = {**exec_properties, key: proto_utils.proto_to_json(destination)}
        super().Do(input_dict, output_dict, properties)
        pushed = _pushed(output_dict)
        version = pushed.get_string_custom_property("pushed_version")
        if not version:
            return  # The model is not blessed.
        target = f"{folder}/{version}"
        files.copy_tree(os.path.join(local, version), target, last=_LAST)
        pushed.set_string_custom_property("pushed_destination", target)
        files.remove(local)
        _add_card(input_dict, pushed)


def _pushed(output_dict: dict[str, list[types.Artifact]]) -> types.Artifact:
    return artifact_utils.get_single_instance(
        output_dict[standard_component_specs.PUSHED_MODEL_KEY]
    )


def _add_card(input_dict: dict[str, list[types.Artifact]], pushed: types.Artifact) -> None:
    """Copies what an evaluation leaves for this purpose; those of earlier versions left nothing."""
    target = pushed.get_string_custom_property("pushed_destination")
    if not input_dict.get(EVALUATION_KEY) or not target:
        return
    evaluation = artifact_utils.get_single_uri(input_dict[EVALUATION_KEY])
    for name, place in _SHIPPED.items():
        source = files.join(evaluation, name)
        if files.exists(source):
            files.write_bytes(files.join(target, *place), files.read_bytes(source))
