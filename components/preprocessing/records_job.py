"""What Beam jobs that make records have in common, from an empty folder to the manifest.

A job's plan is a `RecordsJob` with what its kind needs besides. Around the kind's own stages:

    clear_output(plan)
    ...  stages, whose counts end in `write_summary`
    counts = read_summary(plan)
    ...  the kind's judgement
    write_manifest(plan, ...)
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apache_beam as beam

from components import files
from components import manifest as manifest_lib
from components.dead_letters import DEAD_LETTERS_DIRECTORY
from components.manifest import MANIFEST_FILE_NAME
from components.preprocessing import vocabulary_file
from components.tokenization.tokenizer import Tokenizer

_WORKING_DIRECTORY = "working"
_SUMMARY_FILE_NAME = "summary.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordsJob:
    """A job that makes records.

    Attributes:
        output_directory: gets `Split-<name>/`, `dead_letters/`, the vocabulary and the manifest.
        inputs: files by split.
        tokenizer: for the text.
    """

    output_directory: str
    inputs: Mapping[str, Sequence[Any]]
    tokenizer: Tokenizer

    @property
    def working_directory(self) -> str:
        """Holds what is needed until the manifest is written."""
        return files.join(self.output_directory, _WORKING_DIRECTORY)

    @property
    def dead_letters_directory(self) -> str:
        """Holds the dead letters, if there are any."""
        return files.join(self.output_directory, DEAD_LETTERS_DIRECTORY)


def split_directory(split: str) -> str:
    """Name of a split's directory, as TFX has it."""
    return f"Split-{split}"


def clear_output(job: RecordsJob) -> None:
    """Removes what an earlier run left in the output directory, whole or not; nothing else.

    The manifest goes first: without it, no reader takes the rest for records.
    """
    own = [
        files.join(job.output_directory, MANIFEST_FILE_NAME),
        job.working_directory,
        job.dead_letters_directory,
        *(files.join(job.output_directory, split_directory(split)) for split in job.inputs),
    ]
    files.remove(*own)


def write_summary(counts: Iterable[beam.PCollection], job: RecordsJob) -> None:
    """Adds to a pipeline: pairs of a counter's name and a number, left for `read_summary`."""
    _ = (
        tuple(counts)
        | "All counts" >> beam.Flatten()
        | "Sum" >> beam.CombinePerKey(sum)
        | "Together" >> beam.combiners.ToDict()
        | "Write summary" >> beam.Map(_write, path=_summary_path(job))
    )


def read_summary(job: RecordsJob) -> Counter[str]:
    """The sums that a job's pipeline left."""
    return Counter(json.loads(files.read_bytes(_summary_path(job))))


def write_manifest(
    job: RecordsJob,
    *,
    record_type: str,
    parameters: Mapping[str, Any],
    shards: Mapping[str, Sequence[str]],
    counts: Mapping[str, int],
    input_counts: Mapping[str, int] | None,
) -> manifest_lib.Manifest:
    """Removes the working directory and writes the vocabulary and, last, the manifest.

    Args:
        job: that was done and found to be good.
        record_type: name of the records.
        parameters: that shaped them.
        shards: their files by split.
        counts: of `read_summary`.
        input_counts: of the raw examples (`counts_file.of_input`).
    """
    vocabulary = job.tokenizer.vocabulary
    manifest = manifest_lib.Manifest(
        record_type=record_type,
        parameters={**parameters, "vocabulary_size": vocabulary.size},
        vocabulary_sha256=vocabulary.sha256,
        shards=shards,
        counts=dict(sorted({**(input_counts or {}), **counts}.items())),
    )
    files.remove(job.working_directory)
    vocabulary_file.write(vocabulary, job.output_directory)
    manifest.write(job.output_directory)
    return manifest


def _summary_path(job: RecordsJob) -> str:
    return files.join(job.working_directory, _SUMMARY_FILE_NAME)


def _write(counts: dict[str, int], path: str) -> None:
    files.write_bytes(path, json.dumps(counts, sort_keys=True).encode())
