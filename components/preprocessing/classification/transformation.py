"""Turns raw examples into records in Beam, one file at a time.

Each file of raw examples becomes one file of records in the same order. So the bytes do not depend
on the runner or the number of workers, and the random order of the training split is kept.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam

from components import files, tfrecords
from components.preprocessing import record_digests
from components.preprocessing.classification import label_check, length_counts
from components.preprocessing.classification.transform_graph import TransformGraph

METRICS_NAMESPACE = "xlnet/classification"

# The largest number of examples that are in memory at once; it is smaller if they are long.
_BATCH_SIZE = 1024
_BATCH_BYTES = 8 << 20


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file to transform.

    Attributes:
        split: name of its split.
        source: path of the file of raw examples.
        target: path of the file of records.
    """

    split: str
    source: str
    target: str


def plan(sources: Mapping[str, Sequence[str]], split_directories: Mapping[str, str]) -> list[Shard]:
    """Decides which file of records each file of raw examples becomes.

    Args:
        sources: paths of the raw examples by split.
        split_directories: directory for the records of each split.
    """
    return [
        Shard(split, source, shard_path(split_directories[split], number, len(paths)))
        for split, paths in sources.items()
        for number, source in enumerate(paths)
    ]


def shard_path(directory: str, number: int, num_shards: int) -> str:
    """Returns the path of a file of records, named as by TFX's Transform."""
    return files.join(directory, f"transformed_examples-{number:05d}-of-{num_shards:05d}.gz")


def shard_names(shards: Iterable[Shard]) -> dict[str, list[str]]:
    """Returns the paths of the records relative to the artifact, by split, for the manifest."""
    names: dict[str, list[str]] = {}
    for shard in shards:
        names.setdefault(shard.split, []).append(_name(shard))
    return names


def _name(shard: Shard) -> str:
    directory, name = posixpath.split(shard.target)
    return f"{posixpath.basename(directory)}/{name}"


def transform(
    pipeline: beam.Pipeline,
    shards: Sequence[Shard],
    *,
    graph_directory: str,
    labels: Sequence[str] | None,
    seq_len: int,
    counts_path: str,
) -> None:
    """Adds the transformation to a Beam pipeline.

    Args:
        pipeline: the pipeline to which it is added.
        shards: the result of `plan`.
        graph_directory: directory of the Transform graph.
        labels: the task's labels; None for regression.
        seq_len: length of the records.
        counts_path: path of a file to which the sums of `label_check.count` and
            `length_counts.count`, and the digests of the records, are written for `read_counts`.
    """
    _ = (
        pipeline
        | "Shards" >> beam.Create(list(shards))
        | "Spread" >> beam.Reshuffle()
        | "Transform" >> beam.ParDo(_TransformShard(graph_directory, labels, seq_len))
        | "AddUp" >> beam.CombinePerKey(sum)
        | "GatherCounts" >> beam.combiners.ToList()
        | "WriteCounts" >> beam.Map(_write_counts, counts_path)
    )


def remove_leftovers(shards: Iterable[Shard]) -> None:
    """Removes incomplete files that killed workers left; TFX would read them like all others."""
    for directory in sorted({posixpath.dirname(shard.target) for shard in shards}):
        files.remove_leftovers(directory)


def read_counts(path: str, splits: Iterable[str]) -> dict[str, dict[str, int]]:
    """Reads the counts of `transform` by split and name; splits without records are included."""
    counts: dict[str, dict[str, int]] = {split: {} for split in splits}
    for split, name, number in json.loads(files.read_bytes(path)):
        counts[split][name] = number
    return counts


class _TransformShard(beam.DoFn):
    """Writes the records of one file; yields counts as ((split, name), number)."""

    def __init__(self, graph_directory: str, labels: Sequence[str] | None, seq_len: int):
        self._graph_directory = graph_directory
        self._labels = labels
        self._seq_len = seq_len

    def setup(self) -> None:
        """Loads the graph."""
        self._graph = TransformGraph(self._graph_directory)

    def process(self, shard: Shard) -> Iterator[tuple[tuple[str, str], int]]:
        """Transforms one file; its records are written atomically."""
        counts: collections.Counter[str] = collections.Counter()
        with tfrecords.open_writer(shard.target) as writer:
            for batch in _batches(tfrecords.read_records(shard.source)):
                transformed = self._graph(batch)
                for record in transformed.records:
                    writer.write(record)
                label_check.count(transformed.labels, self._labels, counts)
                counts.update(
                    length_counts.count(
                        transformed.num_tokens,
                        transformed.num_kept,
                        transformed.num_unknown,
                        seq_len=self._seq_len,
                    )
                )
        beam.metrics.Metrics.counter(METRICS_NAMESPACE, f"{shard.split}/records").inc(
            counts[label_check.RECORDS]
        )
        name, number = record_digests.as_count(_name(shard), writer.sha256)
        counts[name] = number
        for name, number in counts.items():
            yield (shard.split, name), number


def _batches(examples: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for example in examples:
        batch.append(example)
        size += len(example)
        if len(batch) == _BATCH_SIZE or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _write_counts(counts: Iterable[tuple[tuple[str, str], int]], path: str) -> None:
    rows = sorted((split, name, number) for (split, name), number in counts)
    files.write_bytes(path, json.dumps(rows).encode())
