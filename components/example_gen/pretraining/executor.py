"""Executor of CorpusExampleGen: passes settings and artifact paths to the corpus conversion."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam

from components import events
from components.example_gen import conversion_executor, counts_file, tfx_example_gen
from components.example_gen.pretraining import corpus_conversion, corpus_inputs
from components.example_gen.pretraining.corpus_inputs import CorpusFile, CorpusSettings

# Stands between the name of a split and the number of one of its patterns; TFX treats each pattern
# as an input of its own. It cannot occur in a split's name, since those are identifiers.
_SEPARATOR = "."


def input_patterns(settings: CorpusSettings) -> dict[str, str]:
    """Returns the patterns in the form that TFX requires, with one pattern for each name."""
    return {
        f"{split}{_SEPARATOR}{number}": pattern
        for split, patterns in settings.patterns.items()
        for number, pattern in enumerate(patterns)
    }


@dataclasses.dataclass(frozen=True)
class _Conversion:
    settings: CorpusSettings
    inputs: Mapping[str, Sequence[CorpusFile]]

    @property
    def output_splits(self) -> list[str]:
        return self.settings.output_splits

    def convert(
        self, pipeline: beam.Pipeline, directory: str, split_directories: Mapping[str, str]
    ) -> None:
        corpus_conversion.convert(
            pipeline,
            self.settings,
            self.inputs,
            directory=directory,
            split_directories=split_directories,
        )

    def finish(
        self, directory: str, split_directories: Mapping[str, str], kept: str | None
    ) -> events.Amount:
        del split_directories
        counts = corpus_conversion.finish(
            self.settings, self.inputs, directory=directory, kept=kept
        )
        return counts_file.amount(counts, self.output_splits, "documents")


class Executor(conversion_executor.Executor):
    """Turns files of running text into examples."""

    def prepare(self, exec_properties: dict[str, Any], data_root: str) -> _Conversion:
        """Finds the corpus files; `custom_config` holds a `CorpusSettings`."""
        settings = tfx_example_gen.read_settings(
            CorpusSettings, exec_properties, where="CorpusExampleGen"
        )
        resolved: dict[str, list[str]] = collections.defaultdict(list)
        for name, pattern in tfx_example_gen.resolved_patterns(exec_properties).items():
            resolved[name.rpartition(_SEPARATOR)[0]].append(pattern)
        settings = dataclasses.replace(
            settings, patterns={split: tuple(found) for split, found in resolved.items()}
        )
        return _Conversion(settings, corpus_inputs.find_files(settings, data_root))
