"""What Beam jobs that make records have in common, from an empty folder to the manifest.

Pretraining and question answering both use this. The plan of a job is a subclass of `RecordsJob`
with additional fields. Around its own stages, a job does the following:

    clear_output(plan)
    ...  run the stages; `write_summary` collects their counts
    counts = read_summary(plan)
    ...  check the counts
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
from components.preprocessing import record_digests, vocabulary_file
from components.tokenization.tokenizer import Tokenizer

_WORKING_DIRECTORY = "working"
_SUMMARY_FILE_NAME = "summary.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordsJob:
    """A job that makes records.

    Attributes:
        output_directory: directory to which `Split-<name>/`, `dead_letters/`, the vocabulary and
            the manifest are written.
        inputs: input files by split.
        tokenizer: tokenizer for the texts.
    """

    output_directory: str
    inputs: Mapping[str, Sequence[Any]]
    tokenizer: Tokenizer

    @property
    def working_directory(self) -> str:
        """Directory for files that are only needed until the manifest is written."""
        return files.join(self.output_directory, _WORKING_DIRECTORY)

    @property
    def dead_letters_directory(self) -> str:
        """Directory for dead letters; it only exists if there are any."""
        return files.join(self.output_directory, DEAD_LETTERS_DIRECTORY)


def split_directory(split: str) -> str:
    """Returns the name of a split's directory, which is the one that TFX uses."""
    return f"Split-{split}"


def clear_output(job: RecordsJob) -> None:
    """Removes what an earlier run, complete or not, left in the output directory, and nothing else.

    The manifest is removed first, because without it no reader uses the remaining files.
    """
    own = [
        files.join(job.output_directory, MANIFEST_FILE_NAME),
        job.working_directory,
        job.dead_letters_directory,
        *(files.join(job.output_directory, split_directory(split)) for split in job.inputs),
    ]
    files.remove(*own)


def write_summary(counts: Iterable[beam.PCollection], job: RecordsJob) -> None:
    """Adds a stage to a pipeline that sums up counts and writes them to a file for `read_summary`.

    Args:
        counts: collections of pairs of a counter's name and a number.
        job: the job of the pipeline.
    """
    _ = (
        tuple(counts)
        | "All counts" >> beam.Flatten()
        | "Sum" >> beam.CombinePerKey(sum)
        | "Together" >> beam.combiners.ToDict()
        | "Write summary" >> beam.Map(_write, path=_summary_path(job))
    )


def read_summary(job: RecordsJob) -> Counter[str]:
    """Reads the sums that `write_summary` has written, by name of the counter."""
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
    """Removes the working directory, and writes the vocabulary and finally the manifest.

    Args:
        job: the job, which has been completed and checked.
        record_type: name of the records' type.
        parameters: the settings that shaped the records.
        shards: paths of the records' files, relative to the output directory, by split.
        counts: counters of the job, from `read_summary`.
        input_counts: counters of the raw examples, from `counts_file.of_input`; None if there are
            none.
    """
    vocabulary = job.tokenizer.vocabulary
    counts = {**(input_counts or {}), **counts}
    digests = record_digests.take(counts)
    manifest = manifest_lib.Manifest(
        record_type=record_type,
        parameters={**parameters, "vocabulary_size": vocabulary.size},
        vocabulary_sha256=vocabulary.sha256,
        shards=shards,
        counts=dict(sorted(counts.items())),
        digests=digests,
    )
    files.remove(job.working_directory)
    vocabulary_file.write(vocabulary, job.output_directory)
    manifest.write(job.output_directory)
    return manifest


def _summary_path(job: RecordsJob) -> str:
    return files.join(job.working_directory, _SUMMARY_FILE_NAME)


def _write(counts: dict[str, int], path: str) -> None:
    files.write_bytes(path, json.dumps(counts, sort_keys=True).encode())
