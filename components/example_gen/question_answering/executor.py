"""Executor of SquadExampleGen: artifact paths in, artifact paths out."""

from __future__ import annotations

import dataclasses
from typing import Any

from absl import logging
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_component_specs

from components import dead_letter_file
from components.example_gen import tfx_example_gen
from components.example_gen.question_answering import squad_conversion
from components.example_gen.question_answering.squad_conversion import SquadSettings


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
        settings = tfx_example_gen.read_settings(
            SquadSettings, exec_properties, where="SquadExampleGen"
        )
        resolved = tfx_example_gen.resolved_patterns(exec_properties)
        settings = dataclasses.replace(settings, patterns={**settings.patterns, **resolved})
        data_root = exec_properties[standard_component_specs.INPUT_BASE_KEY]
        inputs = squad_conversion.find_files(settings, data_root)
        artifacts = output_dict[standard_component_specs.EXAMPLES_KEY]
        split_directories = tfx_example_gen.declare_splits(artifacts, settings.output_splits)
        directory = artifact_utils.get_single_uri(artifacts)
        with self._make_beam_pipeline() as pipeline:
            squad_conversion.convert(
                pipeline,
                settings,
                inputs,
                data_root=data_root,
                directory=directory,
                split_directories=split_directories,
            )
        kept = dead_letter_file.place_to_keep(self._context, directory)
        with dead_letter_file.kept_on_failure(directory, kept):
            counts = squad_conversion.finish(settings, inputs, directory=directory, kept=kept)
        logging.info("SQuAD paragraphs: %s", counts)
