"""Rows of TSV, CSV and JSONL files and of folders of texts, with what is wrong with the bad ones.

A bad row never ends the reading: it is handed out as a `BadRow`, and the rows after it follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

from components import json_text
from components.example_gen import text_form
from components.example_gen.classification.csv_records import CsvRecord, read_csv_records
from components.example_gen.classification.dataset import FOLDER_COLUMNS
from components.example_gen.lines import Line, read_at_most, read_lines

# Excel and MRPC's files begin with one; it belongs to no column.
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

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
    """One row as it stands in the file, a header included.

    Attributes:
        line: number of its first line, counted from 1; in RACE's files of the question, and 0 for
            a whole file.
        offset: of its first byte in the decompressed file.
        index: its number among the rows that are not blank, counted from 0; the header counts.
        fields: by position, or by name (JSONL, folders, RACE's files).
    """

    line: int
    offset: int
    index: int
    fields: Fields


class BadRow(NamedTuple):
    """A row that cannot be taken apart; the last four as in `dead_letters.DeadLetter`."""

    line: int
    offset: int
    index: int
    reason: str
    detail: str
    excerpt: str
    weight: int = 1


class BlankLine(NamedTuple):
    """A line that holds nothing, which the reference skips as well."""

    line: int


Item = Row | BadRow | BlankLine


def read_tsv(file: BinaryIO, *, delimiter: str, max_bytes: int) -> Iterator[Item]:
    """Rows of a file without quoting, one per line, as csv.QUOTE_NONE reads it.

    Args:
        file: opened for reading, at its beginning.
        delimiter: between columns.
        max_bytes: longest legal line.
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
            # An old Macintosh file would otherwise be one long header.
            yield bad_row(line, index, STRAY_CARRIAGE_RETURN, "lines end in LF or CR LF")
        else:
            yield Row(line.number, line.offset, index, text.split(delimiter))
        index += 1


def read_csv(file: BinaryIO, *, delimiter: str, max_bytes: int) -> Iterator[Item]:
    """Rows of a quoted file (RFC 4180); all must have as many columns as the first.

    A quote that is never closed would swallow the rows after it. Then only the row with the quote
    is bad, and reading goes on with the next line.

    Args:
        file: opened for reading, at its beginning.
        delimiter: between columns.
        max_bytes: most bytes in a legal row, its line breaks included.
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
    """Objects of a file that has one per line; numbers stay as they are written.

    Args:
        file: opened for reading, at its beginning.
        max_bytes: longest legal line.
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
    """The one row that a file with one text makes.

    Args:
        file: opened for reading, at its beginning.
        folder: name of the file's folder, which is the label.
        guid: id of the row.
        max_bytes: longest legal text.
    """
    line = read_whole(file, max_bytes=max_bytes)
    # One file of many: what it is instead of text is its own matter.
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
    """A file as if it were its only line.

    Args:
        file: opened for reading, at its beginning.
        max_bytes: most that is read whole.
    """
    content = read_at_most(file, max_bytes + 1)
    return Line(1, 0, content.removeprefix(_BYTE_ORDER_MARK), len(content) > max_bytes)


def _without_byte_order_mark(lines: Iterable[Line]) -> Iterator[Line]:
    for line in lines:
        if line.number == 1:
            line = line._replace(content=line.content.removeprefix(_BYTE_ORDER_MARK))
        yield line


def decode(line: Line, content: bytes, index: int) -> str | BadRow:
    """The text of a line's content, or what is wrong with it."""
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
    """The object that a line's text is, or what is wrong with it; numbers stay text."""
    try:
        # Numbers as text: a label 1.50 must not become 1.5, nor an id lose digits.
        values = json_text.loads(text, numbers_as_text=True)
    except json_text.JsonTextError as error:
        return bad_row(line, index, MALFORMED_JSON, str(error))
    if not isinstance(values, dict):
        return bad_row(line, index, MALFORMED_JSON, "not an object")
    return Row(line.number, line.offset, index, values)


def excerpt(fields: Fields) -> str:
    """A row as one would recognise it in a list of dead letters."""
    return json_text.excerpt(fields) if isinstance(fields, Mapping) else "\t".join(fields)


def bad_row(line: Line, index: int, reason: str, detail: str = "") -> BadRow:
    """A bad row that quotes the beginning of its line."""
    beginning = line.content[:2000].decode("utf-8", errors="replace")
    return BadRow(line.number, line.offset, index, reason, detail, beginning)
