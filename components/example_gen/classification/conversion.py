"""Converts input files into raw examples in Beam.

The output is the same, byte for byte, whatever the number of workers.
"""

from __future__ import annotations

import collections
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam

from components import files, tfrecords
from components.dead_letters import DEAD_LETTERS_DIRECTORY
from components.example_gen.classification.file_conversion import (
    BLANK,
    DEAD,
    PRODUCED,
    READ,
    Counter,
    Output,
    convert_file,
)
from components.example_gen.classification.inputs import InputFile
from components.example_gen.classification.plan import ConversionPlan, Order

METRICS_NAMESPACE = "xlnet/example_gen"

# Tags of the outputs of `_ReadFiles`.
_EXAMPLES = "examples"
_DEAD_LETTERS = "dead_letters"
_COUNTS = "counts"

# Rows are passed on in batches of this size, because Beam's overhead for an element exceeds the
# time that it takes to convert a short text.
_BATCH_SIZE = 500
# The largest number of rows that a worker holds in all its unfinished batches.
_MAX_HELD_ROWS = 20_000
# Small files are read together, up to this many bytes.
_GROUP_BYTES = 4 << 20

# (output split, shard).
_ShardKey = tuple[str, int]
_Batch = list[tuple[Order, bytes]]


def convert(
    pipeline: beam.Pipeline,
    plan: ConversionPlan,
    input_files: Mapping[str, Sequence[InputFile]],
    *,
    split_directories: Mapping[str, str],
    directory: str,
    counts_path: str,
) -> None:
    """Adds the conversion to a Beam pipeline.

    Args:
        pipeline: Beam pipeline to add to.
        plan: which split and shard each row goes to.
        input_files: files of each input split.
        split_directories: directory of each output split.
        directory: directory in which `dead_letters/` is created, beside the splits.
        counts_path: path of the JSON file with counts, which `outcome.finish` reads.
    """
    groups = [group for split_files in input_files.values() for group in _group(split_files)]
    outputs = (
        pipeline
        | "Files" >> beam.Create(groups)
        | "Spread" >> beam.Reshuffle()
        | "Read" >> beam.ParDo(_ReadFiles(plan)).with_outputs(_EXAMPLES, _DEAD_LETTERS, _COUNTS)
    )
    # These empty batches make sure that every shard is written, even if no row belongs to it.
    shards = pipeline | "Shards" >> beam.Create(
        [((split, shard), []) for split, count in plan.num_shards.items() for shard in range(count)]
    )
    dead_letters_directory = files.join(directory, DEAD_LETTERS_DIRECTORY)
    for name, written, write in (
        ("Examples", outputs[_EXAMPLES], _WriteExamples(plan.num_shards, split_directories)),
        (
            "DeadLetters",
            outputs[_DEAD_LETTERS],
            _WriteDeadLetters(plan.num_shards, dead_letters_directory),
        ),
    ):
        _ = (
            (written, shards)
            | f"With{name}" >> beam.Flatten()
            | f"Gather{name}" >> beam.GroupByKey()
            | f"Write{name}" >> beam.ParDo(write)
        )
    _ = (
        outputs[_COUNTS]
        | "AddUp" >> beam.CombinePerKey(sum)
        | "GatherCounts" >> beam.combiners.ToList()
        | "WriteCounts" >> beam.Map(_write_counts, counts_path, plan.output_splits)
    )


def shard_path(directory: str, shard: int, num_shards: int) -> str:
    """Returns the path of a file of examples."""
    return files.join(directory, f"data_tfrecord-{shard:05d}-of-{num_shards:05d}.gz")


def dead_letters_path(directory: str, split: str, shard: int, num_shards: int) -> str:
    """Returns the path of a file of dead letters."""
    return files.join(directory, f"{split}-{shard:05d}-of-{num_shards:05d}.jsonl")


class _ReadFiles(beam.DoFn):
    """Reads files into batches of examples and of dead letters for each shard, and counts rows."""

    def __init__(self, plan: ConversionPlan):
        self._plan = plan

    def process(self, group: Sequence[InputFile]) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields ((split, shard), batch) of examples and of dead letters, and (counter, number)."""
        counts: collections.Counter[Counter] = collections.Counter()
        batches: dict[tuple[str, _ShardKey], _Batch] = {}
        num_held = 0
        for file in group:
            for output in convert_file(self._plan, file, counts):
                target = _target(output)
                batch = batches.setdefault(target, [])
                batch.append((output.order, output.content))
                num_held += 1
                if len(batch) >= _BATCH_SIZE:
                    num_held -= len(batch)
                    yield _tagged(target, batches.pop(target))
                elif num_held >= _MAX_HELD_ROWS:
                    # With very many shards, none of them may fill a batch.
                    yield from itertools.starmap(_tagged, batches.items())
                    batches.clear()
                    num_held = 0
        yield from itertools.starmap(_tagged, batches.items())
        for counter, number in counts.items():
            name = "/".join(part for part in counter if part)
            beam.metrics.Metrics.counter(METRICS_NAMESPACE, name).inc(number)
            yield beam.pvalue.TaggedOutput(_COUNTS, (counter, number))


class _WriteExamples(beam.DoFn):
    """Writes one shard of examples, sorted."""

    def __init__(self, num_shards: Mapping[str, int], directories: Mapping[str, str]):
        self._num_shards = dict(num_shards)
        self._directories = dict(directories)

    def process(self, element: tuple[_ShardKey, Iterable[_Batch]]) -> None:
        """Writes the file whole or not at all."""
        (split, shard), batches = element
        path = shard_path(self._directories[split], shard, self._num_shards[split])
        tfrecords.write_records(path, _sorted(batches))


class _WriteDeadLetters(beam.DoFn):
    """Writes one shard of dead letters, in the order of the input."""

    def __init__(self, num_shards: Mapping[str, int], directory: str):
        self._num_shards = dict(num_shards)
        self._directory = directory

    def process(self, element: tuple[_ShardKey, Iterable[_Batch]]) -> None:
        """Writes the file whole or not at all."""
        (split, shard), batches = element
        path = dead_letters_path(self._directory, split, shard, self._num_shards[split])
        with files.open_atomically(path) as file:
            for line in _sorted(batches):
                file.write(line + b"\n")


def _group(split_files: Sequence[InputFile]) -> Iterator[list[InputFile]]:
    group = []
    num_bytes = 0
    for file in split_files:
        if group and num_bytes + file.num_bytes > _GROUP_BYTES:
            yield group
            group = []
            num_bytes = 0
        group.append(file)
        num_bytes += file.num_bytes
    if group:
        yield group


def _target(output: Output) -> tuple[str, _ShardKey]:
    tag = _EXAMPLES if output.is_example else _DEAD_LETTERS
    return tag, (output.split, output.shard)


def _tagged(target: tuple[str, _ShardKey], batch: _Batch) -> beam.pvalue.TaggedOutput:
    tag, key = target
    return beam.pvalue.TaggedOutput(tag, (key, batch))


def _sorted(batches: Iterable[_Batch]) -> Iterator[bytes]:
    ordered = sorted(pair for batch in batches for pair in batch)
    return (content for _, content in ordered)


def _write_counts(
    counts: Iterable[tuple[Counter, int]], path: str, output_splits: Sequence[str]
) -> None:
    by_split = {name: {READ: 0, PRODUCED: 0, BLANK: 0, DEAD: {}} for name in output_splits}
    for (split, what, reason), number in sorted(counts):
        if what == DEAD:
            by_split[split][DEAD][reason] = number
        else:
            by_split[split][what] = number
    files.write_bytes(path, json.dumps(by_split).encode())
