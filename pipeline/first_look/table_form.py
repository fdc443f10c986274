"""Finds out how the beginning of a table is divided: delimiter, quotes and header."""

from __future__ import annotations

import collections
import dataclasses
import io
import statistics
from collections.abc import Sequence
from typing import Literal

from components import decimal_number, json_text
from components.example_gen import text_form
from components.example_gen.classification import rows
from components.example_gen.text_form import WrongFormatError
from pipeline.first_look.undecided import UndecidedError

_DELIMITERS = (",", "\t", ";", "|")
# Share of the rows that must have the same number of columns. In a file with a table's suffix a few
# bad rows are no surprise; elsewhere, running text must not be taken for a table.
_TABLE_SHARE = 0.7
_CERTAIN_SHARE = 0.95
_MIN_CERTAIN_ROWS = 3
# Shares above this count as equal, so that one bad row does not decide.
_AS_GOOD_AS_ALL = 0.98
# Longer names of columns, such as the questions of a survey, are rare.
_MAX_NAME = 60
# The median number of words from which a column holds texts rather than labels.
_MIN_TEXT_WORDS = 3
# What the csv module says of a quote that is not closed before the end.
_NEVER_CLOSED = "unexpected end of data"


@dataclasses.dataclass(frozen=True)
class TableForm:
    """How a table is divided into rows and columns.

    Attributes:
        file_format: "csv" if columns may be quoted, otherwise "tsv".
        delimiter: the character between columns.
        header: whether the first row names the columns.
        columns: names of the columns; the number of a column from 0 if it has no name.
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
    begins_well: bool


def find(
    head: bytes, path: str, *, suffix: str, is_whole: bool, header: bool | None = None
) -> TableForm | None:
    """Returns how a table is divided; None if the text does not look like a table.

    Every delimiter is tried with the readers that a run uses, with and without quotes; the one that
    gives most rows the same number of columns is taken.

    Args:
        head: beginning of the file.
        path: path of the file, for error messages.
        suffix: suffix of the file's name, in lower case.
        is_whole: whether `head` is the whole file, so that its last row is complete.
        header: whether the first row names the columns; None looks at the rows.

    Raises:
        UndecidedError: if it is not clear whether the first row names the columns.
        WrongFormatError: if it names two columns alike, or stands below a title.
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
            # Where every row has a decimal comma, the header alone shows what divides columns.
            reading.begins_well,
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
        header = _decide_header(chosen, path)
    columns = range(chosen.num_columns)
    if header:
        columns = (name if name.strip() else n for n, name in enumerate(chosen.rows[0]))
    return TableForm(chosen.file_format, chosen.delimiter, header, tuple(columns))


def _read(head: bytes, delimiter: str, *, quoted: bool, is_whole: bool) -> _Reading | None:
    read = rows.read_csv if quoted else rows.read_tsv
    items = [
        item
        for item in read(io.BytesIO(head), delimiter=delimiter, max_bytes=len(head) + 1)
        if not isinstance(item, rows.BlankLine)
    ]
    if not is_whole:
        # The last record is cut off. If it is quoted, the lines after its quote are no records.
        is_open = (isinstance(i, rows.BadRow) and i.detail == _NEVER_CLOSED for i in items)
        del items[max((n for n, found in enumerate(is_open) if found), default=-1) :]
    good = [list(item.fields) for item in items if isinstance(item, rows.Row)]
    if not good:
        return None
    num_columns, _ = collections.Counter(map(len, good)).most_common(1)[0]
    same = [row for row in good if len(row) == num_columns]
    file_format = "csv" if quoted else "tsv"
    share = len(same) / len(items)
    begins_well = isinstance(items[0], rows.Row) and len(items[0].fields) == num_columns
    return _Reading(file_format, delimiter, same, num_columns, share, begins_well)


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


def _decide_header(reading: _Reading, path: str) -> bool:
    first, *rest = reading.rows
    names = [name.strip() for name in first if name.strip()]
    may_be_title = len(names) == 1 < reading.num_columns and rest and all(rest[0])
    has_header = _has_header(reading.rows, path)
    if (may_be_title and _has_header(rest, path)) or (has_header and not reading.begins_well):
        raise WrongFormatError(
            f"{path} has something above the row that names its columns; remove it, so that the "
            "names are in the first line."
        )
    twice = [name for name in names if names.count(name) > 1]
    if has_header and twice:
        raise WrongFormatError(
            f"The first row of {path} names two columns {json_text.shown(twice[0])}; give each a "
            "name of its own, or say --no-header if it does not name columns."
        )
    return has_header


def _has_header(table: Sequence[Sequence[str]], path: str) -> bool:
    first, *rest = table
    names = [name.strip() for name in first]
    if not any(names):
        return False
    columns = [
        (name, [row[position].strip() for row in rest if row[position].strip()])
        for position, name in enumerate(names)
    ]
    columns = [(name, values) for name, values in columns if name and values]
    if names == [str(number) for number in range(len(names))]:
        # pandas numbers columns that have no names.
        return any(not any(map(decimal_number.normalize, values)) for _, values in columns)
    if any(
        decimal_number.normalize(name) and any(map(decimal_number.normalize, values))
        for name, values in columns
    ):
        return False
    if any(
        not decimal_number.normalize(name) and all(map(decimal_number.normalize, values))
        for name, values in columns
    ):
        return True
    # Labels stand among the values below them, names of columns hardly ever.
    is_value = any(name in values for name, values in columns)
    if is_value:
        signs = any(_is_word_above_texts(name, values) for name, values in columns)
        is_unclear = signs
    else:
        signs = any(
            2 * len(name) < statistics.median(map(len, values))
            or len(set(values)) <= len(values) / 2
            for name, values in columns
        )
        is_odd = any(len(name) > _MAX_NAME or decimal_number.normalize(name) for name in names)
        is_unclear = signs and is_odd
    if is_unclear:
        raise UndecidedError(
            f"It is not clear whether the first row of {path}, {json_text.shown_list(names)}, "
            "names the columns; say so with --header, or --no-header if it does not."
        )
    return signs or not rest


def _is_word_above_texts(name: str, values: Sequence[str]) -> bool:
    return (
        len(name.split()) == 1
        and statistics.median(len(value.split()) for value in values) >= _MIN_TEXT_WORDS
    )
