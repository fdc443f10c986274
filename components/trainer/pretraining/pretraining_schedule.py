"""Which file of pretraining records is read when: a function of the seed and the step alone.

Records of a file continue each other batch by batch, and the model's memory rests on that. So the
unit that is shuffled, and mixed from several corpora, is the file. The global batch is made of
lanes, each of which reads one file after another; a lane is as many rows as a batch of a file has.
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
    """Records from which the batches that are asked for cannot be made."""


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A directory of pretraining records.

    Attributes:
        directory: where its manifest lies.
        weight: how many of the batches come from it, relative to the other corpora.
    """

    directory: str
    weight: float = 1.0


@dataclasses.dataclass(frozen=True)
class RecordFile:
    """A file of records; `num_batches` batches of the manifest's `batch_size` records."""

    path: str
    num_batches: int


@dataclasses.dataclass(frozen=True)
class CorpusFiles:
    """The files of one split of a corpus.

    Attributes:
        files: in the manifest's order.
        weight: see `Corpus`.
        max_masked: most tokens that a record has masked.
        parameters: of the manifest.
    """

    files: tuple[RecordFile, ...]
    weight: float
    max_masked: int
    parameters: Mapping[str, Any]

    @property
    def rows(self) -> int:
        """Records of a batch."""
        return self.parameters["batch_size"]


@dataclasses.dataclass(frozen=True)
class Visit:
    """A stretch of a file that a lane reads; `first_batch` to `first_batch + num_batches - 1`."""

    path: str
    first_batch: int
    num_batches: int


def open_corpus(corpus: Corpus, *, split: str, expected: Mapping[str, Any]) -> CorpusFiles:
    """Reads and checks a corpus' manifest.

    Args:
        corpus: where it lies.
        split: which of its splits.
        expected: parameters that the reader is configured for (`seq_len`, `reuse_len`, `bi_data`,
            `num_predict`, `uncased`, `vocabulary_sha256`, …); only those named are compared.

    Raises:
        ManifestError: if the manifest is missing, lists no such split, or disagrees with
            `expected`; then every difference is listed.
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
    """Every file once and in order, for evaluation: the visits of each lane.

    Lanes get files one at a time, the emptiest lane first; all are cut to the shortest one's
    length, so that batches are full.
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
    """What a lane reads from `first_step` up to `last_step`, which is not read itself.

    Each epoch of a corpus has another order of its files, dealt out to the lanes in turn. A lane's
    next file comes from the corpus that lags most behind its weight.

    Args:
        corpora: to be mixed.
        num_lanes: lanes of the global batch.
        lane: which of them.
        seed: of the orders.
        first_step: steps already taken.
        last_step: steps of the whole run.
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
    # The deal goes on from epoch to epoch, so with fewer files than lanes all are still read
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
