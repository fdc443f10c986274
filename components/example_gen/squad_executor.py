"""Executor of SquadExampleGen: artifact paths in, artifact paths out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from absl import logging
from google.protobuf import wrappers_pb2
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from components import configuration
from components.example_gen import squad_conversion
from components.example_gen.squad_conversion import SquadSettings

# What TFX's own ExampleGens write in the artifact's property for gzip-compressed TFRecords.
_FILE_FORMAT = "tfrecords_gzip"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs the conversion in Beam and checks its outcome."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the raw examples, their dead letters and `counts.json`.

        Args:
            input_dict: empty.
            output_dict: `examples`, one Examples artifact.
            exec_properties: of `FileBasedExampleGen`; `custom_config` holds the settings.
        """
        del input_dict
        settings = read_settings(exec_properties)
        inputs = squad_conversion.find_files(
            settings, exec_properties[standard_component_specs.INPUT_BASE_KEY]
        )
        artifacts = output_dict[standard_component_specs.EXAMPLES_KEY]
        examples = artifact_utils.get_single_instance(artifacts)
        splits = settings.output_splits
        examples.split_names = artifact_utils.encode_split_names(splits)
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, _FILE_FORMAT)
        with self._make_beam_pipeline() as pipeline:
            squad_conversion.convert(
                pipeline,
                settings,
                inputs,
                directory=examples.uri,
                split_directories={
                    split: artifact_utils.get_split_uri(artifacts, split) for split in splits
                },
            )
        counts = squad_conversion.finish(settings, inputs, directory=examples.uri)
        logging.info("SQuAD paragraphs: %s", counts)


def read_settings(exec_properties: Mapping[str, Any]) -> SquadSettings:
    """The settings that `SquadExampleGen` packed, with the patterns that TFX's driver resolved.

    Raises:
        ConfigurationError: if they are not what this version of the code understands.
    """
    custom_config = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(
        exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY], custom_config
    )
    text = wrappers_pb2.StringValue()
    custom_config.custom_config.Unpack(text)
    settings = configuration.from_json(SquadSettings, text.value, where="SquadExampleGen")
    input_config = example_gen_pb2.Input()
    proto_utils.json_to_proto(
        exec_properties[standard_component_specs.INPUT_CONFIG_KEY], input_config
    )
    resolved = {split.name: split.pattern for split in input_config.splits}
    return dataclasses.replace(settings, patterns={**settings.patterns, **resolved})
