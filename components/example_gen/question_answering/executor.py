"""Executor of SquadExampleGen: passes settings and artifact paths to the SQuAD conversion."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam

from components import events
from components.example_gen import conversion_executor, counts_file, tfx_example_gen
from components.example_gen.question_answering import squad_conversion, squad_inputs
from components.example_gen.question_answering.squad_inputs import SquadSettings


@dataclasses.dataclass(frozen=True)
class _Conversion:
    settings: SquadSettings
    inputs: Mapping[str, Sequence[str]]
    data_root: str

    @property
    def output_splits(self) -> list[str]:
        return self.settings.output_splits

    def convert(
        self, pipeline: beam.Pipeline, directory: str, split_directories: Mapping[str, str]
    ) -> None:
        squad_conversion.convert(
            pipeline,
            self.settings,
            self.inputs,
            data_root=self.data_root,
            directory=directory,
            split_directories=split_directories,
        )

    def finish(
        self, directory: str, split_directories: Mapping[str, str], kept: str | None
    ) -> events.Amount:
        del split_directories
        counts = squad_conversion.finish(self.settings, self.inputs, directory=directory, kept=kept)
        return counts_file.amount(counts, self.output_splits, "questions")


class Executor(conversion_executor.Executor):
    """Turns SQuAD files into examples."""

    def prepare(self, exec_properties: dict[str, Any], data_root: str) -> _Conversion:
        """Finds the SQuAD files; `custom_config` holds a `SquadSettings`."""
        settings = tfx_example_gen.read_settings(
            SquadSettings, exec_properties, where="SquadExampleGen"
        )
        resolved = tfx_example_gen.resolved_patterns(exec_properties)
        settings = dataclasses.replace(settings, patterns={**settings.patterns, **resolved})
        inputs = squad_inputs.find_files(settings, data_root)
        return _Conversion(settings, inputs, data_root)
