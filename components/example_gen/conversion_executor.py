"""The executor of all ExampleGens of this project: a conversion in Beam, then its judgement."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, Protocol

import apache_beam as beam
from absl import logging
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_component_specs

from components import dead_letter_file
from components.example_gen import tfx_example_gen


class Conversion(Protocol):
    """Raw files of one kind that are to become examples, found and checked.

    Attributes:
        output_splits: names of the splits that are written.
    """

    output_splits: list[str]

    def convert(
        self, pipeline: beam.Pipeline, directory: str, split_directories: Mapping[str, str]
    ) -> None:
        """Adds the conversion to a pipeline.

        Args:
            pipeline: that runs it.
            directory: gets dead letters and counts.
            split_directories: of the output splits.
        """

    def finish(
        self, directory: str, split_directories: Mapping[str, str], kept: str | None
    ) -> object:
        """Judges what was converted and writes `counts.json` last; returns what to log.

        Args:
            directory: of `convert`.
            split_directories: of `convert`.
            kept: where dead letters will lie if this fails; None where they are.

        Raises:
            ValueError: if too much was unusable, or a split is empty.
        """


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs a conversion in Beam and checks its outcome."""

    @abc.abstractmethod
    def prepare(self, exec_properties: dict[str, Any], data_root: str) -> Conversion:
        """What is to be done, before anything is.

        Args:
            exec_properties: of `FileBasedExampleGen`; `custom_config` holds the settings.
            data_root: folder below which the files' patterns match.
        """

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
            exec_properties: see `prepare`.
        """
        del input_dict
        conversion = self.prepare(
            exec_properties, exec_properties[standard_component_specs.INPUT_BASE_KEY]
        )
        artifacts = output_dict[standard_component_specs.EXAMPLES_KEY]
        split_directories = tfx_example_gen.declare_splits(artifacts, conversion.output_splits)
        directory = artifact_utils.get_single_uri(artifacts)
        with self._make_beam_pipeline() as pipeline:
            conversion.convert(pipeline, directory, split_directories)
        kept = dead_letter_file.place_to_keep(self._context, directory)
        with dead_letter_file.kept_on_failure(directory, kept):
            counts = conversion.finish(directory, split_directories, kept)
        logging.info("Raw examples: %s", counts)
