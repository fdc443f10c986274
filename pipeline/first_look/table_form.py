"""Finds out how the beginning of a table is divided: delimiter, quotes and header."""

from __future__ import annotations

import collections
import dataclasses
import io
import statistics
from collections.abc import Sequence
from typing import Literal

from components import decimal_number
from components.example_gen import text_form
from components.example_gen.classification import rows

_DELIMITERS = (",", "\t", ";", "|")
# Share of the rows that must have the same number of columns. In a file with a table's suffix a few
# bad rows are no surprise; elsewhere, running text must not be taken for a table.
_TABLE_SHARE = 0.7
_CERTAIN_SHARE = 0.95
_MIN_CERTAIN_ROWS = 3
# Shares above this count as equal, so that one bad row does not decide.
_AS_GOOD_AS_ALL = 0.98
# The longest name of a column that is plausible.
_MAX_NAME = 60


@dataclasses.dataclass(frozen=True)
class TableForm:
    """How a table is divided into rows and columns.

    Attributes:
        file_format: "csv" if columns may be quoted, otherwise "tsv".
        delimiter: the character between columns.
        header: whether the first row names the columns.
        columns: names of the columns; their numbers from 0 if there is no header.
    """

    file_format: Literal["tsv", "csv"]
    delimiter: str
    header: bool
    columns: tuple[str | int, ...]


@dataclasses.dataclass(frozen=True)
class _Reading:
    file_format: Literal["tsv", "csv"]
    delimiter: str
    rows: list[list[str]]
    num_columns: int
    share: float


def find(
    head: bytes, *, suffix: str, is_whole: bool, header: bool | None = None
) -> TableForm | None:
    """Returns how a table is divided; None if the text does not look like a table.

    Every delimiter is tried with the readers that a run uses, with and without quotes; the one that
    gives most rows the same number of columns is taken.

    Args:
        head: beginning of the file.
        suffix: suffix of the file's name, in lower case.
        is_whole: whether `head` is the whole file, so that its last row is complete.
        header: whether the first row names the columns; None looks at the rows.
    """
    # Another encoding spoils characters but not columns; whoever reads the rows will say so.
    head = head.decode("utf-8", "replace").encode()
    readings = [
        reading
        for delimiter in _DELIMITERS
        for quoted in (True, False)
        if (reading := _read(head, delimiter, quoted=quoted, is_whole=is_whole)) is not None
    ]
    usual = text_form.TABLE_SUFFIXES.get(suffix)
    if usual is None:
        readings = [reading for reading in readings if _is_certain(reading)]
    readings = [reading for reading in readings if reading.share >= _TABLE_SHARE]
    many = [reading for reading in readings if reading.num_columns > 1]
    if usual is None and not many:
        return None
    chosen = max(
        many or [reading for reading in readings if reading.delimiter == usual],
        key=lambda reading: (
            min(reading.share, _AS_GOOD_AS_ALL),
            reading.delimiter == usual,
            # Where every text has a comma in quotes, reading without quotes finds more columns.
            _fits_quotes(reading),
            reading.num_columns,
        ),
        default=None,
    )
    if chosen is None:
        return None
    if header is None:
        header = _has_header(chosen.rows)
    columns = chosen.rows[0] if header else range(chosen.num_columns)
    return TableForm(chosen.file_format, chosen.delimiter, header, tuple(columns))


def _read(head: bytes, delimiter: str, *, quoted: bool, is_whole: bool) -> _Reading | None:
    read = rows.read_csv if quoted else rows.read_tsv
    items = [
        item
        for item in read(io.BytesIO(head), delimiter=delimiter, max_bytes=len(head) + 1)
        if not isinstance(item, rows.BlankLine)
    ]
    if not is_whole:
        items.pop()
    good = [list(item.fields) for item in items if isinstance(item, rows.Row)]
    if not good:
        return None
    num_columns, _ = collections.Counter(map(len, good)).most_common(1)[0]
    same = [row for row in good if len(row) == num_columns]
    file_format = "csv" if quoted else "tsv"
    return _Reading(file_format, delimiter, same, num_columns, len(same) / len(items))


def _is_certain(reading: _Reading) -> bool:
    return (
        reading.share >= _CERTAIN_SHARE
        and len(reading.rows) >= _MIN_CERTAIN_ROWS
        # A space after a comma indicates running text.
        and not any(value.startswith(" ") for row in reading.rows for value in row[1:])
    )


def _fits_quotes(reading: _Reading) -> int:
    """Ranks the two ways to read the same columns; more is better.

    Tables with tabs are usually not quoted, all others are; in both, quotes around a whole value
    show that quotes are meant.
    """
    if reading.delimiter != "\t":
        return int(reading.file_format == "csv")
    if reading.file_format == "csv":
        return 1
    has_quoted = any(
        len(value) > 1 and value[0] == value[-1] == '"' for row in reading.rows for value in row
    )
    return 0 if has_quoted else 2


def _has_header(table: Sequence[Sequence[str]]) -> bool:
    first, *rest = table
    names = [name.strip() for name in first]
    if len(set(names)) < len(names) or not all(names):
        return False
    if any(len(name) > _MAX_NAME or decimal_number.normalize(name) for name in names):
        return False
    signs = 0
    for position, name in enumerate(names):
        values = [row[position].strip() for row in rest if row[position].strip()]
        if not values:
            continue
        if name in values:
            # Names of columns do not stand among their values; labels do.
            return False
        is_repeated = len(set(values)) <= len(values) / 2
        is_numeric = all(decimal_number.normalize(value) for value in values)
        signs += is_repeated or is_numeric
        signs += 2 * len(name) < statistics.median(map(len, values))
    return signs > 0 or not rest
