"""Executor of TextExampleGen: artifact paths in, artifact paths out."""

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
from components.example_gen import conversion, inputs, outcome
from components.example_gen.dataset import TextDataset
from components.example_gen.file_conversion import DEAD, PRODUCED, READ
from components.example_gen.plan import make_plan
from components.example_gen.settings import TextExampleGenSettings

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
        data_root = exec_properties[standard_component_specs.INPUT_BASE_KEY]
        dataset = _with_resolved_patterns(settings.dataset, exec_properties)
        input_files = inputs.find_files(dataset, data_root)
        plan = make_plan(
            dataset,
            input_files,
            seed=settings.seed,
            shard_bytes=settings.shard_bytes,
            max_row_bytes=settings.max_row_bytes,
        )

        artifacts = output_dict[standard_component_specs.EXAMPLES_KEY]
        examples = artifact_utils.get_single_instance(artifacts)
        examples.split_names = artifact_utils.encode_split_names(plan.output_splits)
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, _FILE_FORMAT)
        split_directories = {
            split: artifact_utils.get_split_uri(artifacts, split) for split in plan.output_splits
        }

        with self._make_beam_pipeline() as pipeline:
            conversion.convert(
                pipeline,
                plan,
                input_files,
                split_directories=split_directories,
                directory=examples.uri,
                counts_path=outcome.provisional_counts_path(examples.uri),
            )
        counts = outcome.finish(
            plan,
            split_directories=split_directories,
            directory=examples.uri,
            max_dead_letter_share=settings.max_dead_letter_share,
        )
        _log(dataset, counts)


def read_settings(exec_properties: Mapping[str, Any]) -> TextExampleGenSettings:
    """The settings that `TextExampleGen` packed.

    Raises:
        ConfigurationError: if they are not what this version of the code understands.
    """
    custom_config = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(
        exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY], custom_config
    )
    text = wrappers_pb2.StringValue()
    custom_config.custom_config.Unpack(text)
    return configuration.from_json(TextExampleGenSettings, text.value, where="TextExampleGen")


def _with_resolved_patterns(
    dataset: TextDataset, exec_properties: Mapping[str, Any]
) -> TextDataset:
    """The data set with the patterns in which TFX's driver has filled in {SPAN} and the like."""
    input_config = example_gen_pb2.Input()
    proto_utils.json_to_proto(
        exec_properties[standard_component_specs.INPUT_CONFIG_KEY], input_config
    )
    patterns = {split.name: split.pattern for split in input_config.splits}
    splits = {
        name: dataclasses.replace(split, pattern=patterns.get(name, split.pattern))
        for name, split in dataset.splits.items()
    }
    return dataclasses.replace(dataset, splits=splits)


def _log(dataset: TextDataset, counts: outcome.Counts) -> None:
    for split, numbers in counts.items():
        dead = sum(numbers[DEAD].values())
        logging.info(
            "%s, split %s: %d examples of %d rows, %d dead letters %s",
            dataset.name,
            split,
            numbers[PRODUCED],
            numbers[READ],
            dead,
            numbers[DEAD] or "",
        )
