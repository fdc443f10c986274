"""Looks at the rows of a table, or at the files of a folder per label, up to a limit."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Mapping

from components import files
from components.example_gen.classification import inputs, rows
from components.example_gen.classification.dataset import (
    FOLDER_COLUMNS,
    Columns,
    Split,
    TextDataset,
)
from pipeline.first_look.column_profile import ColumnProfile, ColumnProfiler
from pipeline.first_look.source import Source

# The split that stands for all rows until `hash_split` divides them.
ALL = "all"
# A table with more rows, or more bytes before a row, is looked at in part.
MAX_BYTES = 256 << 20
DEFAULT_MAX_ROWS = 100_000
# The largest share of the data that can have been looked at if there was more.
_MOST = 0.99
# JSON objects with more different keys hold no columns.
_MAX_COLUMNS = 200


class ChangedFileError(ValueError):
    """A file that got another size while it was read."""


@dataclasses.dataclass(frozen=True)
class TableFindings:
    """What was found in a table.

    Attributes:
        source: the table.
        rows: number of rows that were looked at, without the header and blank lines.
        bad: number of rows that cannot be read, by reason.
        first_bad: line and detail of the first of them; empty if there is none.
        duplicates: number of rows that are equal to an earlier one in every column.
        columns: summary of each column.
        share: share of the data that was looked at, between 0 and 1; for compressed files, guessed.
        is_sample: whether only a part of the data was looked at.
    """

    source: Source
    rows: int
    bad: Mapping[str, int]
    first_bad: str
    duplicates: int
    columns: tuple[ColumnProfile, ...]
    share: float
    is_sample: bool


def undecided_dataset(source: Source) -> TextDataset:
    """Returns a data set with which the rows of a table can be read before its columns are chosen.

    It says that there are numbers to predict, because a data set has to say something.
    """
    columns = None
    if source.form != "folders":
        columns = Columns(text_a=source.keys[0] if source.keys else 0)
    return TextDataset(
        name="undecided",
        file_format=source.file_format,
        splits={ALL: Split(source.pattern)},
        columns=columns,
        header=bool(source.table and source.table.header),
        delimiter=source.table.delimiter if source.table else None,
        label_range=(0.0, 1.0),
    )


def read(
    source: Source,
    dataset: TextDataset,
    *,
    max_rows: int,
    split: str = ALL,
    root: str | None = None,
) -> Iterator[tuple[inputs.InputFile, rows.Row | rows.BadRow, float]]:
    """Yields the rows of a table with their file, and the share of the data before each.

    Rows of a folder per label are taken from all labels evenly; those of a file are the first ones.

    Args:
        source: the table.
        dataset: description of the table; see `undecided_dataset`.
        max_rows: number of rows after which the reading ends.
        split: split of the data set to read, whose files are those of `source`.
        root: data root of the data set; None takes that of `source`.

    Raises:
        ChangedFileError: if a file got another size in the meantime.
        NoSuchFilesError, DamagedFileError, WrongFormatError: if the table cannot be read.
    """
    found = inputs.find_files(dataset, root or source.root)[split]
    total = found[-1].first_byte + found[-1].num_bytes
    step = -(-len(found) // max_rows)
    count = 0
    for file in found[::step]:
        awaits_header = dataset.has_header(split)
        for item in inputs.read_items(dataset, file, max_bytes=rows.MAX_ROW_BYTES):
            if isinstance(item, rows.BlankLine):
                continue
            if awaits_header:
                awaits_header = False
                continue
            share = (file.first_byte + item.offset) / total
            if count >= max_rows:
                return
            count += 1
            yield file, item, share
            if item.offset > MAX_BYTES:
                return
    _check_unchanged(source)


def look(source: Source, *, max_rows: int = DEFAULT_MAX_ROWS) -> TableFindings:
    """Looks at the rows of a table.

    Args:
        source: the table.
        max_rows: largest number of rows to look at.

    Raises:
        ChangedFileError, NoSuchFilesError, DamagedFileError, WrongFormatError: see `read`.
    """
    names = _columns(source)
    profilers = {name: ColumnProfiler(name) for name in names}
    bad: collections.Counter[str] = collections.Counter()
    first_bad = ""
    count = 0
    seen: set[int] = set()
    duplicates = 0
    is_sample = source.num_files > max_rows
    share = max_rows / source.num_files if is_sample else 1.0
    for _, item, before in read(source, undecided_dataset(source), max_rows=max_rows + 1):
        if count == max_rows or item.offset > MAX_BYTES:
            # What is before may be more than a compressed file was assumed to have in all.
            share, is_sample = min(share, before, _MOST), True
            break
        count += 1
        if isinstance(item, rows.BadRow):
            bad[item.reason] += 1
            first_bad = first_bad or f"line {item.line}: {item.reason} {item.detail}".strip()
            continue
        values = _values(item.fields, names)
        if isinstance(item.fields, Mapping):
            for name in item.fields:
                is_new = name not in profilers and len(profilers) < _MAX_COLUMNS
                if is_new and source.form != "folders":
                    # A key that the first object lacks; the rows before it did not have it.
                    profilers[name] = ColumnProfiler(name)
                    for _ in range(count - 1):
                        profilers[name].add(None)
            values = {name: item.fields.get(name) for name in profilers}
        for name, profiler in profilers.items():
            profiler.add(values.get(name))
        key = hash(tuple(map(str, values.values())))
        duplicates += key in seen
        seen.add(key)
    return TableFindings(
        source=source,
        rows=count,
        bad=bad,
        first_bad=first_bad,
        duplicates=duplicates,
        columns=tuple(profiler.finish() for profiler in profilers.values()),
        share=max(share, 1e-9),
        is_sample=is_sample,
    )


def _columns(source: Source) -> tuple[str | int, ...]:
    if source.form == "folders":
        return (FOLDER_COLUMNS.text_a, FOLDER_COLUMNS.label)
    return source.table.columns if source.table else source.keys


def _values(fields: rows.Fields, names: tuple[str | int, ...]) -> dict[str | int, object]:
    if isinstance(fields, Mapping):
        return {name: fields.get(name) for name in names}
    return dict(zip(names, fields, strict=False))


def _check_unchanged(source: Source) -> None:
    pattern = files.join(files.escape(source.root), source.pattern)
    size = sum(file.size for file in files.match(pattern))
    if size != source.bytes:
        raise ChangedFileError(
            f"{source.path} had {source.bytes:,} bytes and now has {size:,}: it changed while it "
            "was read. Wait until it is complete, and start the command again."
        )
