"""Executor of TextExampleGen: artifact paths in, artifact paths out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from absl import logging
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_component_specs

from components import dead_letter_file
from components.example_gen import counts_file, tfx_example_gen
from components.example_gen.classification import conversion, inputs, outcome
from components.example_gen.classification.dataset import TextDataset
from components.example_gen.classification.file_conversion import DEAD, PRODUCED, READ
from components.example_gen.classification.plan import make_plan
from components.example_gen.classification.settings import TextExampleGenSettings


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
            TextExampleGenSettings, exec_properties, where="TextExampleGen"
        )
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
        split_directories = tfx_example_gen.declare_splits(artifacts, plan.output_splits)
        directory = artifact_utils.get_single_uri(artifacts)
        with self._make_beam_pipeline() as pipeline:
            conversion.convert(
                pipeline,
                plan,
                input_files,
                split_directories=split_directories,
                directory=directory,
                counts_path=counts_file.provisional_path(directory),
            )
        kept = dead_letter_file.place_to_keep(self._context, directory)
        with dead_letter_file.kept_on_failure(directory, kept):
            counts = outcome.finish(
                plan,
                split_directories=split_directories,
                directory=directory,
                max_dead_letter_share=settings.max_dead_letter_share,
                kept=kept,
            )
        _log(dataset, counts)


def _with_resolved_patterns(
    dataset: TextDataset, exec_properties: Mapping[str, Any]
) -> TextDataset:
    """The data set with the patterns in which TFX's driver has filled in {SPAN} and the like."""
    patterns = tfx_example_gen.resolved_patterns(exec_properties)
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
