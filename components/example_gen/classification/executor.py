"""Executor of TextExampleGen: passes settings and artifact paths to the conversion of rows."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam

from components import events
from components.example_gen import conversion_executor, counts_file, tfx_example_gen
from components.example_gen.classification import conversion, inputs, outcome
from components.example_gen.classification.dataset import TextDataset
from components.example_gen.classification.file_conversion import DEAD, PRODUCED
from components.example_gen.classification.inputs import InputFile
from components.example_gen.classification.plan import ConversionPlan, make_plan
from components.example_gen.classification.settings import TextExampleGenSettings


@dataclasses.dataclass(frozen=True)
class _Conversion:
    plan: ConversionPlan
    input_files: Mapping[str, Sequence[InputFile]]
    max_dead_letter_share: float

    @property
    def output_splits(self) -> list[str]:
        return list(self.plan.output_splits)

    def convert(
        self, pipeline: beam.Pipeline, directory: str, split_directories: Mapping[str, str]
    ) -> None:
        conversion.convert(
            pipeline,
            self.plan,
            self.input_files,
            split_directories=split_directories,
            directory=directory,
            counts_path=counts_file.provisional_path(directory),
        )

    def finish(
        self, directory: str, split_directories: Mapping[str, str], kept: str | None
    ) -> events.Amount:
        counts = outcome.finish(
            self.plan,
            split_directories=split_directories,
            directory=directory,
            max_dead_letter_share=self.max_dead_letter_share,
            kept=kept,
        )
        reasons: collections.Counter[str] = collections.Counter()
        for found in counts.values():
            reasons.update(found[DEAD])
        return events.Amount(sum(found[PRODUCED] for found in counts.values()), "rows", reasons)


class Executor(conversion_executor.Executor):
    """Turns rows of text files into examples."""

    def prepare(self, exec_properties: dict[str, Any], data_root: str) -> _Conversion:
        """Finds the files and plans the shards; `custom_config` holds `TextExampleGenSettings`."""
        settings = tfx_example_gen.read_settings(
            TextExampleGenSettings, exec_properties, where="TextExampleGen"
        )
        dataset = _with_resolved_patterns(settings.dataset, exec_properties)
        input_files = inputs.find_files(dataset, data_root)
        plan = make_plan(
            dataset,
            input_files,
            seed=settings.seed,
            shard_bytes=settings.shard_bytes,
            max_row_bytes=settings.max_row_bytes,
        )
        return _Conversion(plan, input_files, settings.max_dead_letter_share)


def _with_resolved_patterns(
    dataset: TextDataset, exec_properties: Mapping[str, Any]
) -> TextDataset:
    """Returns the data set with the patterns as TFX's driver resolved them ({SPAN} and so on)."""
    patterns = tfx_example_gen.resolved_patterns(exec_properties)
    splits = {
        name: dataclasses.replace(split, pattern=patterns.get(name, split.pattern))
        for name, split in dataset.splits.items()
    }
    return dataclasses.replace(dataset, splits=splits)
