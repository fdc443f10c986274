"""The schedule by which files of pretraining records are read, given the seed and the step.

The records of a file continue each other from batch to batch, and the model's memory relies on
that. Therefore whole files are shuffled and mixed, and not single records. The global batch
consists of lanes, each of which reads one file after another; a lane has as many rows as a batch of
a file.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components import files, seeds
from components import manifest as manifest_lib
from components.manifest import ManifestError
from components.records import PRETRAINING


class PretrainingInputError(ValueError):
    """Records from which the requested batches cannot be made."""


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A directory of pretraining records.

    Attributes:
        directory: folder of the records and their manifest.
        weight: share of the batches that come from this corpus, relative to the other corpora.
    """

    directory: str
    weight: float = 1.0


@dataclasses.dataclass(frozen=True)
class RecordFile:
    """A file with `num_batches` batches of as many records as the manifest's `batch_size`."""

    path: str
    num_batches: int


@dataclasses.dataclass(frozen=True)
class CorpusFiles:
    """The files of one split of a corpus.

    Attributes:
        files: files in the order of the manifest.
        weight: share of the batches that come from this corpus, relative to the other corpora.
        max_masked: largest number of masked tokens in any record.
        parameters: parameters of the manifest.
    """

    files: tuple[RecordFile, ...]
    weight: float
    max_masked: int
    parameters: Mapping[str, Any]

    @property
    def rows(self) -> int:
        """Number of records per batch."""
        return self.parameters["batch_size"]


@dataclasses.dataclass(frozen=True)
class Visit:
    """A stretch of a file that a lane reads: `num_batches` batches from `first_batch` on."""

    path: str
    first_batch: int
    num_batches: int


def open_corpus(corpus: Corpus, *, split: str, expected: Mapping[str, Any]) -> CorpusFiles:
    """Reads and checks the manifest of a corpus.

    Args:
        corpus: directory and weight of the corpus.
        split: name of the split to read.
        expected: parameters that the reader is configured for (`seq_len`, `reuse_len`, `bi_data`,
            `num_predict`, `uncased`, `vocabulary_sha256`, …). Only these are compared.

    Raises:
        ManifestError: if the manifest is missing, lists no such split, or disagrees with
            `expected`; in the last case, every difference is listed.
        PretrainingInputError: if the weight is not positive.
    """
    manifest = manifest_lib.read(corpus.directory)
    try:
        manifest.check_agrees({"record_type": PRETRAINING.name, **expected})
    except ManifestError as error:
        raise ManifestError(f"{corpus.directory}: {error}") from error
    if not corpus.weight > 0:
        raise PretrainingInputError(
            f"{corpus.directory} has the weight {corpus.weight}; a positive number is needed."
        )
    names = manifest.shards.get(split, [])
    if not names:
        raise ManifestError(
            f"{corpus.directory} has no records of the split {split!r}; it has "
            f"{', '.join(sorted(name for name, shards in manifest.shards.items() if shards))}."
        )
    rows = manifest.parameters["batch_size"]
    return CorpusFiles(
        files=tuple(
            RecordFile(
                files.join(corpus.directory, *name.split("/")),
                manifest.counts[f"records_of/{name}"] // rows,
            )
            for name in names
        ),
        weight=corpus.weight,
        max_masked=max(manifest.counts[f"max_masked_of/{name}"] for name in names),
        parameters=manifest.parameters,
    )


def one_epoch(corpora: Sequence[CorpusFiles], *, num_lanes: int) -> list[list[Visit]]:
    """Returns what each lane reads in an evaluation, which reads every file once and in order.

    Files are assigned one at a time to the lane with the fewest batches so far. All lanes are then
    cut to the length of the shortest, so that every batch is full.

    Raises:
        PretrainingInputError: if there are fewer files than lanes.
    """
    lanes: list[list[Visit]] = [[] for _ in range(num_lanes)]
    lengths = [(0, lane) for lane in range(num_lanes)]
    for file in itertools.chain.from_iterable(corpus.files for corpus in corpora):
        length, lane = heapq.heappop(lengths)
        lanes[lane].append(Visit(file.path, 0, file.num_batches))
        heapq.heappush(lengths, (length + file.num_batches, lane))
    shortest = min(length for length, _ in lengths)
    if not shortest:
        raise PretrainingInputError(
            f"The batch has {num_lanes} lanes of rows, each reading files of its own, and there "
            f"are fewer files than that. Lower the batch size, or preprocess into more shards."
        )
    return [list(_between(iter(visits), 0, shortest)) for visits in lanes]


def steps(
    corpora: Sequence[CorpusFiles],
    *,
    num_lanes: int,
    lane: int,
    seed: int,
    first_step: int,
    last_step: int,
) -> list[Visit]:
    """Returns what a lane reads from `first_step` up to, but not including, `last_step`.

    The files of a corpus have a different order in each epoch, and are dealt out to the lanes in
    turn. A lane takes its next file from the corpus that lags furthest behind its weight.

    Args:
        corpora: corpora to mix.
        num_lanes: number of lanes of the global batch.
        lane: index of this lane.
        seed: seed of the file orders.
        first_step: number of steps already taken.
        last_step: number of steps of the whole run.
    """
    return list(_between(_endless(corpora, num_lanes, lane, seed), first_step, last_step))


def _endless(
    corpora: Sequence[CorpusFiles], num_lanes: int, lane: int, seed: int
) -> Iterator[Visit]:
    orders = [
        _lane_files(corpus.files, num_lanes, lane, seed, index)
        for index, corpus in enumerate(corpora)
    ]
    served = [0] * len(corpora)
    while True:
        index = min(range(len(corpora)), key=lambda i: (served[i] / corpora[i].weight, i))
        file = next(orders[index])
        served[index] += file.num_batches
        yield Visit(file.path, 0, file.num_batches)


def _lane_files(
    members: Sequence[RecordFile], num_lanes: int, lane: int, seed: int, corpus_index: int
) -> Iterator[RecordFile]:
    # Dealing continues across epochs, so that even with fewer files than lanes, all files are read
    # equally often.
    dealt = 0
    for epoch in itertools.count():
        for file in seeds.shuffled(list(members), seed, "file order", corpus_index, epoch):
            if dealt % num_lanes == lane:
                yield file
            dealt += 1


def _between(visits: Iterator[Visit], first: int, last: int) -> Iterator[Visit]:
    position = 0
    while position < last:
        visit = next(visits)
        skipped = max(0, first - position)
        taken = min(visit.num_batches, last - position) - skipped
        if taken > 0:
            yield Visit(visit.path, visit.first_batch + skipped, taken)
        position += visit.num_batches
