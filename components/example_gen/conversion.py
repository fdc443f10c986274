"""Input files to raw examples in Beam: the same bytes whatever the number of workers.

Rows are given to shards and ordered within them by what they are and where they stand, never by
which worker read them when: the training split by a seeded hash, so that files sorted by label
train well; the others in the order of the files.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam

from components import files, tfrecords
from components.dead_letters import DeadLetter
from components.example_gen import rows
from components.example_gen.dataset import TRAIN_SPLIT, TextDataset
from components.example_gen.inputs import InputFile, read_items, row_guid_prefix
from components.example_gen.interpretation import RowInterpreter, UnusableRowError

METRICS_NAMESPACE = "xlnet/example_gen"
DEAD_LETTERS_DIRECTORY = "dead_letters"

READ = "read"
PRODUCED = "produced"
BLANK = "blank"
DEAD = "dead"

_HASH_BITS = 64
# Tags of the reader's outputs.
_RECORDS = "records"
_DEAD_LETTERS = "dead_letters"
_COUNTS = "counts"

# (what is counted, reason): the reason is empty but for dead letters.
_Counter = tuple[str, str, str]
# (output split, shard).
_ShardKey = tuple[str, int]
# Order within a shard, and the bytes to write.
_Ordered = tuple[tuple[int, ...], bytes]


@dataclasses.dataclass(frozen=True)
class Conversion:
    """Everything that decides what is written.

    Attributes:
        dataset: what the rows mean.
        input_files: by input split.
        num_shards: by output split.
        seed: of the order of the training split.
        max_row_bytes: longest legal row; longer ones are dead letters.
    """

    dataset: TextDataset
    input_files: Mapping[str, Sequence[InputFile]]
    num_shards: Mapping[str, int]
    seed: int
    max_row_bytes: int

    @property
    def output_splits(self) -> list[str]:
        """Names of the splits to write."""
        return list(self.num_shards)


def plan(
    dataset: TextDataset,
    input_files: Mapping[str, Sequence[InputFile]],
    *,
    seed: int,
    shard_bytes: int,
    max_row_bytes: int,
) -> Conversion:
    """Decides on the number of shards, from the sizes of the input alone.

    Args:
        dataset: what the rows mean.
        input_files: by input split, as `inputs.find_files` gives them.
        seed: of the order of the training split.
        shard_bytes: input bytes that should make a shard; one is sorted in memory.
        max_row_bytes: longest legal row.
    """
    sizes = {name: _total_bytes(split_files) for name, split_files in input_files.items()}
    if dataset.hash_split:
        (size,) = sizes.values()
        total = sum(dataset.hash_split.values())
        sizes = {name: size * share // total for name, share in dataset.hash_split.items()}
    num_shards = {name: max(1, -(-size // shard_bytes)) for name, size in sizes.items()}
    return Conversion(dataset, dict(input_files), num_shards, seed, max_row_bytes)


def convert(
    pipeline: beam.Pipeline,
    conversion: Conversion,
    *,
    split_directories: Mapping[str, str],
    directory: str,
    counts_path: str,
) -> None:
    """Adds the conversion to a Beam pipeline.

    Args:
        pipeline: to add to.
        conversion: what to do.
        split_directories: where the records of each output split go.
        directory: beside the splits; `dead_letters/` is made in it.
        counts_path: of a JSON file for `outcome.finish` to read.
    """
    outputs = (
        pipeline
        | "Files" >> beam.Create([f for group in conversion.input_files.values() for f in group])
        | "Spread" >> beam.Reshuffle()
        | "Read" >> beam.ParDo(_ReadFile(conversion)).with_outputs(_RECORDS, _DEAD_LETTERS, _COUNTS)
    )
    # Every shard is written, also one into which no row falls.
    shards = pipeline | "Shards" >> beam.Create(
        [
            ((split, shard), None)
            for split, num_shards in conversion.num_shards.items()
            for shard in range(num_shards)
        ]
    )
    dead_letters_directory = files.join(directory, DEAD_LETTERS_DIRECTORY)
    for name, written, write in (
        ("Records", outputs[_RECORDS], _WriteRecords(conversion.num_shards, split_directories)),
        (
            "DeadLetters",
            outputs[_DEAD_LETTERS],
            _WriteDeadLetters(conversion.num_shards, dead_letters_directory),
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
        | "WriteCounts" >> beam.Map(_write_counts, counts_path, conversion.output_splits)
    )


def shard_path(directory: str, shard: int, num_shards: int) -> str:
    """Place of one file of records."""
    return files.join(directory, f"data_tfrecord-{shard:05d}-of-{num_shards:05d}.gz")


def dead_letters_path(directory: str, split: str, shard: int, num_shards: int) -> str:
    """Place of one file of dead letters."""
    return files.join(directory, f"{split}-{shard:05d}-of-{num_shards:05d}.jsonl")


class _ReadFile(beam.DoFn):
    """Reads one file into keyed records, dead letters and counts."""

    def __init__(self, conversion: Conversion):
        self._conversion = conversion
        self._total_bytes = {
            name: _total_bytes(group) for name, group in conversion.input_files.items()
        }

    def process(self, file: InputFile) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields ((split, shard), (order, bytes)) twice over, and (counter, number)."""
        conversion = self._conversion
        dataset = conversion.dataset
        counts: dict[_Counter, int] = {}

        def count(split: str, what: str, reason: str = "") -> None:
            counts[split, what, reason] = counts.get((split, what, reason), 0) + 1

        columns = dataset.columns_of(file.split)
        awaits_header = dataset.has_header(file.split) and dataset.file_format in ("tsv", "csv")
        header: Sequence[str] | None = None
        interpreter: RowInterpreter | None = None
        for item in read_items(dataset, file, max_bytes=conversion.max_row_bytes):
            if isinstance(item, rows.BlankLine):
                # A blank line has no guid by which to divide it.
                count(min(conversion.num_shards) if dataset.hash_split else file.split, BLANK)
                continue
            if awaits_header:
                awaits_header = False
                if isinstance(item, rows.BadRow):
                    raise UnreadableHeaderError(file.path, item)
                header = item.fields
                continue
            if interpreter is None:
                interpreter = RowInterpreter(
                    dataset,
                    columns,
                    source_file=file.name,
                    guid_prefix=row_guid_prefix(dataset, file),
                    header=header,
                )
            is_whole = isinstance(item, rows.Row)
            guid = (
                interpreter.guid(item.fields, item.index)
                if is_whole
                else interpreter.numbered_guid(item.index)
            )
            split = self._output_split(file.split, guid)
            count(split, READ)
            place = (file.number, item.line)
            try:
                if not is_whole:
                    raise UnusableRowError(item.reason, item.detail)
                example = interpreter.interpret(item.fields, guid=guid, line=item.line)
            except UnusableRowError as error:
                count(split, DEAD, error.reason)
                letter = DeadLetter(
                    source=file.path,
                    position=str(item.line),
                    reason=error.reason,
                    detail=error.detail,
                    excerpt=_excerpt(item),
                )
                shard = self._place_shard(split, file, item.offset)
                yield beam.pvalue.TaggedOutput(
                    _DEAD_LETTERS, ((split, shard), (place, letter.to_json().encode()))
                )
            else:
                count(split, PRODUCED)
                shard, order = self._shard_and_order(split, file, item, guid)
                yield beam.pvalue.TaggedOutput(
                    _RECORDS, ((split, shard), (order, example.serialize()))
                )
        for (split, what, reason), number in counts.items():
            name = "/".join(part for part in (split, what, reason) if part)
            beam.metrics.Metrics.counter(METRICS_NAMESPACE, name).inc(number)
            yield beam.pvalue.TaggedOutput(_COUNTS, ((split, what, reason), number))

    def _output_split(self, input_split: str, guid: str) -> str:
        shares = self._conversion.dataset.hash_split
        if not shares:
            return input_split
        # Not seeded: a row stays in its split when the order is drawn anew.
        point = _hash("split", guid) % sum(shares.values())
        # Sorted: the same shares in another order mean the same division.
        names = sorted(shares)
        ends = itertools.accumulate(shares[name] for name in names)
        return names[next(number for number, end in enumerate(ends) if point < end)]

    def _shard_and_order(
        self, split: str, file: InputFile, row: rows.Row, guid: str
    ) -> tuple[int, tuple[int, ...]]:
        if split != TRAIN_SPLIT:
            return self._place_shard(split, file, row.offset), (file.number, row.line)
        key = _hash("order", str(self._conversion.seed), guid)
        # By range, so that the shards one after the other are in one order, however many there are.
        shard = (key * self._conversion.num_shards[split]) >> _HASH_BITS
        return shard, (key, file.number, row.line)

    def _place_shard(self, split: str, file: InputFile, offset: int) -> int:
        # The size of a compressed file is a guess: what lies beyond it counts to its last byte.
        position = file.first_byte + min(offset, file.num_bytes - 1)
        return position * self._conversion.num_shards[split] // self._total_bytes[file.split]


class UnreadableHeaderError(ValueError):
    """A file whose first row should name its columns and cannot be read."""

    def __init__(self, path: str, row: rows.BadRow):
        super().__init__(
            f"The header of {path} (line {row.line}) cannot be read: {row.reason}"
            + (f" ({row.detail})" if row.detail else "")
            + ". Mend the file, or set header to false if it has none."
        )


class _WriteRecords(beam.DoFn):
    """Writes one shard of records, sorted."""

    def __init__(self, num_shards: Mapping[str, int], directories: Mapping[str, str]):
        self._num_shards = dict(num_shards)
        self._directories = dict(directories)

    def process(self, element: tuple[_ShardKey, Iterable[_Ordered | None]]) -> None:
        """Writes the file whole or not at all."""
        (split, shard), values = element
        path = shard_path(self._directories[split], shard, self._num_shards[split])
        tfrecords.write_records(path, (record for _, record in _sorted(values)))


class _WriteDeadLetters(beam.DoFn):
    """Writes one shard of dead letters, in the order of the input."""

    def __init__(self, num_shards: Mapping[str, int], directory: str):
        self._num_shards = dict(num_shards)
        self._directory = directory

    def process(self, element: tuple[_ShardKey, Iterable[_Ordered | None]]) -> None:
        """Writes the file whole or not at all."""
        (split, shard), values = element
        path = dead_letters_path(self._directory, split, shard, self._num_shards[split])
        with files.open_atomically(path) as file:
            for _, line in _sorted(values):
                file.write(line + b"\n")


def _sorted(values: Iterable[_Ordered | None]) -> list[_Ordered]:
    return sorted(value for value in values if value is not None)


def _write_counts(
    counts: Iterable[tuple[_Counter, int]], path: str, output_splits: Sequence[str]
) -> None:
    by_split = {name: {READ: 0, PRODUCED: 0, BLANK: 0, DEAD: {}} for name in output_splits}
    for (split, what, reason), number in sorted(counts):
        if what == DEAD:
            by_split[split][DEAD][reason] = number
        else:
            by_split[split][what] = number
    files.write_bytes(path, json.dumps(by_split).encode())


def _excerpt(item: rows.Row | rows.BadRow) -> str:
    if isinstance(item, rows.BadRow):
        return item.excerpt
    if isinstance(item.fields, Mapping):
        return json.dumps(item.fields)
    return "\t".join(item.fields)


def _total_bytes(split_files: Sequence[InputFile]) -> int:
    return sum(file.num_bytes for file in split_files)


def _hash(*parts: str) -> int:
    # Not Python's hash(), which differs from process to process.
    text = "\0".join(parts).encode("utf-8", errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=_HASH_BITS // 8).digest(), "big")
