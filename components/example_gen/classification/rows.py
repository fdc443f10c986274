"""Reads the rows of TSV, CSV and JSONL files and of folders of texts.

A bad row never ends the reading: it is returned as a `BadRow` that says what is wrong with it, and
the rows after it follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

from components import json_text
from components.example_gen import text_form
from components.example_gen.classification.csv_records import CsvRecord, read_csv_records
from components.example_gen.classification.dataset import FOLDER_COLUMNS
from components.example_gen.lines import Line, read_at_most, read_lines

# Longer rows are no texts, but what an unclosed quote or a missing line end makes of many rows.
MAX_ROW_BYTES = 10_000_000

UNDECODABLE = "undecodable bytes"
LINE_TOO_LONG = "line too long"
NUL_CHARACTER = "NUL character"
STRAY_CARRIAGE_RETURN = "carriage return inside a line"
MALFORMED_QUOTES = "malformed quotes"
WRONG_COLUMN_COUNT = "wrong number of columns"
MALFORMED_JSON = "malformed JSON"
NOT_PLAIN_TEXT = "not a text in UTF-8"

Fields = Sequence[str] | Mapping[str, object]


class Row(NamedTuple):
    """One row as it is in the file; this may also be the header.

    Attributes:
        line: number of its first line, counted from 1. In RACE's files, the number of the question,
            or 0 if a bad row stands for the whole file.
        offset: position of its first byte in the decompressed file.
        index: number of the row among those that are not blank, counted from 0; a header counts.
        fields: the values of its columns, by position or, in JSONL, folders and RACE's files, by
            name.
    """

    line: int
    offset: int
    index: int
    fields: Fields


class BadRow(NamedTuple):
    """A row that cannot be split into columns.

    For `line`, `offset` and `index` see `Row`; for the others see `dead_letters.DeadLetter`.
    """

    line: int
    offset: int
    index: int
    reason: str
    detail: str
    excerpt: str
    weight: int = 1


class BlankLine(NamedTuple):
    """A blank line, which the reference code skips as well."""

    line: int


Item = Row | BadRow | BlankLine


def read_tsv(file: BinaryIO, *, delimiter: str, max_bytes: int) -> Iterator[Item]:
    """Yields the rows of a file without quoting, one per line, as csv.QUOTE_NONE reads them.

    Args:
        file: file opened for reading, at its beginning.
        delimiter: the character between columns.
        max_bytes: length of the longest legal line in bytes.
    """
    index = 0
    for line in _without_byte_order_mark(read_lines(file, max_bytes=max_bytes)):
        content = line.content.removesuffix(b"\r")
        if not content:
            yield BlankLine(line.number)
            continue
        text = decode(line, content, index)
        if isinstance(text, BadRow):
            yield text
        elif "\r" in text:
            # A file with old Macintosh line ends would otherwise be read as one long header.
            yield bad_row(line, index, STRAY_CARRIAGE_RETURN, "lines end in LF or CR LF")
        else:
            yield Row(line.number, line.offset, index, text.split(delimiter))
        index += 1


def read_csv(file: BinaryIO, *, delimiter: str, max_bytes: int) -> Iterator[Item]:
    """Yields the rows of a quoted file (RFC 4180).

    All rows must have as many columns as the first. A quote that is never closed would swallow the
    rows after it; therefore only the row with that quote is bad, and reading continues with the
    next line.

    Args:
        file: file opened for reading, at its beginning.
        delimiter: the character between columns.
        max_bytes: largest size of a legal row in bytes, including line breaks in it.
    """
    lines = _without_byte_order_mark(read_lines(file, max_bytes=max_bytes))
    index = 0
    for record in read_csv_records(lines, delimiter=delimiter, max_bytes=max_bytes):
        line = record.first_line
        if record.fields == []:
            yield BlankLine(line.number)
            continue
        flaw = _csv_flaw(record)
        if flaw is not None:
            yield bad_row(line, index, *flaw)
        else:
            yield Row(line.number, line.offset, index, record.fields)
        index += 1


def read_jsonl(file: BinaryIO, *, max_bytes: int) -> Iterator[Item]:
    """Yields the objects of a file that has one per line; numbers are kept as text.

    Args:
        file: file opened for reading, at its beginning.
        max_bytes: length of the longest legal line in bytes.
    """
    index = 0
    for line in _without_byte_order_mark(read_lines(file, max_bytes=max_bytes)):
        if not line.content.strip():
            yield BlankLine(line.number)
            continue
        text = decode(line, line.content, index)
        if isinstance(text, BadRow):
            yield text
        else:
            yield parse_json(line, index, text)
        index += 1


def read_folder_file(
    file: BinaryIO, *, folder: str, guid: str, max_bytes: int
) -> Iterator[Row | BadRow]:
    """Yields the one row that a file with a single text stands for.

    Args:
        file: file opened for reading, at its beginning.
        folder: name of the file's folder, which is the label.
        guid: id of the row.
        max_bytes: length of the longest legal text in bytes.
    """
    line = read_whole(file, max_bytes=max_bytes)
    # This is only one file of many, so if it is not text, it is just a bad row and not an error.
    form = text_form.not_text(line.content[: text_form.HEAD_BYTES])
    if form:
        yield bad_row(line, 0, NOT_PLAIN_TEXT, form)
        return
    text = decode(line, line.content, 0)
    if isinstance(text, BadRow):
        yield text
        return
    values = (text, folder, guid)
    names = (FOLDER_COLUMNS.text_a, FOLDER_COLUMNS.label, FOLDER_COLUMNS.guid)
    yield Row(1, 0, 0, dict(zip(names, values, strict=True)))


def read_whole(file: BinaryIO, *, max_bytes: int) -> Line:
    """Reads a file as if it were a single line; it is too long if it has more than `max_bytes`.

    Args:
        file: file opened for reading, at its beginning.
        max_bytes: size of the largest legal file.
    """
    content = read_at_most(file, max_bytes + 1)
    return Line(1, 0, content.removeprefix(text_form.UTF8_MARK), len(content) > max_bytes)


def _without_byte_order_mark(lines: Iterable[Line]) -> Iterator[Line]:
    for line in lines:
        if line.number == 1:
            line = line._replace(content=line.content.removeprefix(text_form.UTF8_MARK))
        yield line


def decode(line: Line, content: bytes, index: int) -> str | BadRow:
    """Returns the content of a line as text, or a bad row that says what is wrong with it."""
    if line.too_long:
        return bad_row(line, index, LINE_TOO_LONG, f"{line.num_bytes:,} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        hint = text_form.legacy_encoding(content[max(0, error.start - 10) :])
        detail = f"not UTF-8 from byte {error.start} on; {hint}"
        return bad_row(line, index, UNDECODABLE, detail)
    if "\0" in text:
        return bad_row(line, index, NUL_CHARACTER)
    return text


def _csv_flaw(record: CsvRecord) -> tuple[str, str] | None:
    if record.is_too_long:
        return LINE_TOO_LONG, f"{record.first_line.num_bytes:,} bytes"
    if not record.is_utf8:
        hint = text_form.legacy_encoding(record.first_line.content)
        return UNDECODABLE, f"not UTF-8 in the lines from {record.first_line.number} on; {hint}"
    if record.has_nul:
        return NUL_CHARACTER, ""
    if record.fields is None:
        return MALFORMED_QUOTES, record.error
    if len(record.fields) != record.num_columns:
        return (
            WRONG_COLUMN_COUNT,
            f"{len(record.fields)} columns, but the rows before it have {record.num_columns}",
        )
    return None


def parse_json(line: Line, index: int, text: str) -> Row | BadRow:
    """Parses a line with a JSON object; returns its row, or a bad row if it is not an object.

    Numbers are kept as text.
    """
    try:
        # A label 1.50 must not become 1.5, and a long id must not lose digits.
        values = json_text.loads(text, numbers_as_text=True)
    except json_text.JsonTextError as error:
        return bad_row(line, index, MALFORMED_JSON, str(error))
    if not isinstance(values, dict):
        return bad_row(line, index, MALFORMED_JSON, "not an object")
    return Row(line.number, line.offset, index, values)


def excerpt(fields: Fields) -> str:
    """Returns a row as text, in a form that can be recognised in a list of dead letters."""
    return json_text.excerpt(fields) if isinstance(fields, Mapping) else "\t".join(fields)


def bad_row(line: Line, index: int, reason: str, detail: str = "") -> BadRow:
    """Returns a bad row that quotes the beginning of its line."""
    beginning = line.content[:2000].decode("utf-8", errors="replace")
    return BadRow(line.number, line.offset, index, reason, detail, beginning)
