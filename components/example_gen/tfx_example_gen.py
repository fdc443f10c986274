"""The TFX side that all ExampleGens of this project share: passing settings to the executor.

The ExampleGens are FileBasedExampleGens because TFX's driver then fingerprints the input files (by
number, sizes and modification times), so that an unchanged run is taken from the cache, both
locally and on Kubeflow Pipelines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from google.protobuf import wrappers_pb2
from tfx import types
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from components import configuration

_Settings = TypeVar("_Settings")

# The value of the artifact's property that TFX's own ExampleGens use for gzip-compressed TFRecords.
_FILE_FORMAT = "tfrecords_gzip"


def arguments(
    settings: object, patterns: Mapping[str, str], shares: Mapping[str, int]
) -> dict[str, Any]:
    """Returns the arguments for FileBasedExampleGen's constructor.

    Args:
        settings: a dataclass with the component's settings; the executor gets it back from
            `read_settings`.
        patterns: pattern of the input files for each input split. Patterns may contain TFX's
            {SPAN}, {VERSION} and date placeholders.
        shares: weights of the output splits if a single input is divided among them; otherwise
            empty.
    """
    text = wrappers_pb2.StringValue(value=configuration.to_json(settings))
    custom_config = example_gen_pb2.CustomConfig()
    custom_config.custom_config.Pack(text)
    if not shares and len(patterns) == 1:
        # Without this, TFX assumes that a single input should be split into two.
        shares = dict.fromkeys(patterns, 1)
    splits = [
        example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=share)
        for name, share in shares.items()
    ]
    return {
        "input_config": example_gen_pb2.Input(
            splits=[
                example_gen_pb2.Input.Split(name=name, pattern=pattern)
                for name, pattern in patterns.items()
            ]
        ),
        # This tells TFX about the splits; our executor takes them from the settings instead.
        "output_config": example_gen_pb2.Output(
            split_config=example_gen_pb2.SplitConfig(splits=splits)
        ),
        "custom_config": custom_config,
    }


def read_settings(
    settings_type: type[_Settings], exec_properties: Mapping[str, Any], *, where: str
) -> _Settings:
    """Unpacks the settings that `arguments` packed.

    Raises:
        ConfigurationError: if this version of the code does not understand the settings.
    """
    custom_config = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(
        exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY], custom_config
    )
    text = wrappers_pb2.StringValue()
    custom_config.custom_config.Unpack(text)
    return configuration.from_json(settings_type, text.value, where=where)


def resolved_patterns(exec_properties: Mapping[str, Any]) -> dict[str, str]:
    """Returns the pattern of each input split; TFX's driver has filled in {SPAN} and the like."""
    input_config = example_gen_pb2.Input()
    proto_utils.json_to_proto(
        exec_properties[standard_component_specs.INPUT_CONFIG_KEY], input_config
    )
    return {split.name: split.pattern for split in input_config.splits}


def declare_splits(artifacts: list[types.Artifact], splits: Sequence[str]) -> dict[str, str]:
    """Records the splits and the file format in the Examples artifact.

    Returns:
        The directory of each split.
    """
    examples = artifact_utils.get_single_instance(artifacts)
    examples.split_names = artifact_utils.encode_split_names(list(splits))
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, _FILE_FORMAT)
    return {split: artifact_utils.get_split_uri(artifacts, split) for split in splits}
