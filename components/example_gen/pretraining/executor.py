"""Executor of CorpusExampleGen: artifact paths in, artifact paths out."""

from __future__ import annotations

import collections
import dataclasses
from typing import Any

from absl import logging
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_component_specs

from components import dead_letter_file
from components.example_gen import tfx_example_gen
from components.example_gen.pretraining import corpus_conversion
from components.example_gen.pretraining.corpus_conversion import CorpusSettings

# Between the name of a split and the number of one of its patterns, each of which is an input to
# TFX. No split's name holds it: names of splits are identifiers.
_SEPARATOR = "."


def input_patterns(settings: CorpusSettings) -> dict[str, str]:
    """The patterns as TFX takes them: one to a name."""
    return {
        f"{split}{_SEPARATOR}{number}": pattern
        for split, patterns in settings.patterns.items()
        for number, pattern in enumerate(patterns)
    }


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
            CorpusSettings, exec_properties, where="CorpusExampleGen"
        )
        resolved: dict[str, list[str]] = collections.defaultdict(list)
        for name, pattern in tfx_example_gen.resolved_patterns(exec_properties).items():
            resolved[name.rpartition(_SEPARATOR)[0]].append(pattern)
        settings = dataclasses.replace(
            settings, patterns={split: tuple(found) for split, found in resolved.items()}
        )
        inputs = corpus_conversion.find_files(
            settings, exec_properties[standard_component_specs.INPUT_BASE_KEY]
        )
        artifacts = output_dict[standard_component_specs.EXAMPLES_KEY]
        split_directories = tfx_example_gen.declare_splits(artifacts, settings.output_splits)
        directory = artifact_utils.get_single_uri(artifacts)
        with self._make_beam_pipeline() as pipeline:
            corpus_conversion.convert(
                pipeline,
                settings,
                inputs,
                directory=directory,
                split_directories=split_directories,
            )
        kept = dead_letter_file.place_to_keep(self._context, directory)
        with dead_letter_file.kept_on_failure(directory, kept):
            counts = corpus_conversion.finish(settings, inputs, directory=directory, kept=kept)
        logging.info("documents: %s", counts)
