"""The base of all ExampleGen executors in this project.

It runs a conversion in Beam and then checks whether the result may be used.
"""

from __future__ import annotations

import abc
import logging
from collections.abc import Mapping
from typing import Any, Protocol

import apache_beam as beam
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_component_specs

from components import dead_letter_file, events
from components.example_gen import tfx_example_gen

_logger = logging.getLogger(__name__)


class Conversion(Protocol):
    """A conversion of raw files into examples, whose files have been found and checked.

    Attributes:
        output_splits: names of the splits that are written.
    """

    output_splits: list[str]

    def convert(
        self, pipeline: beam.Pipeline, directory: str, split_directories: Mapping[str, str]
    ) -> None:
        """Adds the conversion to a pipeline.

        Args:
            pipeline: Beam pipeline to add to.
            directory: directory that dead letters and counts are written to.
            split_directories: directory of each output split.
        """

    def finish(
        self, directory: str, split_directories: Mapping[str, str], kept: str | None
    ) -> events.Amount:
        """Checks the result of the conversion, and writes `counts.json` last.

        Args:
            directory: the directory that was given to `convert`.
            split_directories: the directories that were given to `convert`.
            kept: directory where the dead letters will be found if this fails; None if they stay
                where they are.

        Returns:
            How much was converted and dropped.

        Raises:
            ValueError: if too much input was unusable, or a split is empty.
        """


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs a conversion in Beam and checks its outcome."""

    @abc.abstractmethod
    def prepare(self, exec_properties: dict[str, Any], data_root: str) -> Conversion:
        """Reads the settings and finds the files, before anything is converted.

        Args:
            exec_properties: properties of `FileBasedExampleGen`; `custom_config` holds the
                settings.
            data_root: folder that the file patterns are relative to.
        """

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the raw examples, their dead letters and `counts.json`.

        Args:
            input_dict: empty, since an ExampleGen has no inputs.
            output_dict: one Examples artifact under the key `examples`.
            exec_properties: properties of `FileBasedExampleGen`; see `prepare`.
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
            amount = conversion.finish(directory, split_directories, kept)
        amount.log(_logger)
