"""Reads the records of a quoted CSV file, and recovers after malformed quotes."""

from __future__ import annotations

import collections
import csv
import dataclasses
from collections.abc import Iterable, Iterator

from components.example_gen.lines import Line


@dataclasses.dataclass(frozen=True)
class CsvRecord:
    """One record, or a single line at which no record could be read.

    Attributes:
        first_line: the line at which the record begins.
        fields: columns of the record; empty for a blank line, None if the quotes are malformed or
            the first line is too long.
        num_columns: number of columns of the first readable record, which all records should have.
        error: message of the parser, if the quotes are malformed.
        is_utf8: False if the record contains bytes that are not UTF-8; they are replaced in
            `fields`.
        has_nul: True if the record contains a NUL character; it is removed from `fields`.
        is_too_long: True if the first line is longer than allowed.
    """

    first_line: Line
    fields: list[str] | None
    num_columns: int | None = None
    error: str = ""
    is_utf8: bool = True
    has_nul: bool = False
    is_too_long: bool = False


class _RecordTooLongError(Exception):
    """A quote stays open for more bytes than a record may have."""


class _Reading:
    """The lines of one attempt to read a record, as text for the csv module."""

    def __init__(self, lines: Iterator[Line], first_line: Line, max_bytes: int):
        self.taken: list[Line] = []
        self.is_utf8 = True
        self.has_nul = False
        self._lines = lines
        self._next: Line | None = first_line
        self._bytes_left = max_bytes

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line, self._next = self._next or next(self._lines), None
        self.taken.append(line)
        self._bytes_left -= len(line.content) + 1
        if line.too_long or (self._bytes_left < 0 and len(self.taken) > 1):
            raise _RecordTooLongError("a quoted column goes on for too long")
        try:
            text = line.content.decode("utf-8")
        except UnicodeDecodeError:
            # Continue with a replacement, so that the whole record is marked as bad and the next
            # one begins at the right place.
            self.is_utf8 = False
            text = line.content.decode("utf-8", errors="replace")
        if "\0" in text:
            # The csv module of Python 3.10 fails at a NUL.
            self.has_nul = True
            text = text.replace("\0", "")
        return text + "\n"


def read_csv_records(
    lines: Iterable[Line], *, delimiter: str, max_bytes: int
) -> Iterator[CsvRecord]:
    """Yields the records that physical lines form.

    If quotes are malformed (text after a closing quote; no closing quote before the end of the file
    or within `max_bytes`; a record of several lines with more or fewer columns than the first),
    only the line at which the record began is lost, and reading continues with the line after it.

    Args:
        lines: all lines of the file.
        delimiter: the character between columns.
        max_bytes: largest size of a record in bytes, including line breaks in it.
    """
    # The csv module's limit is 128 KiB by default and applies to the whole process.
    csv.field_size_limit(max(csv.field_size_limit(), max_bytes))
    # Lines that a failed attempt has read, and that have to be read again.
    waiting: collections.deque[Line] = collections.deque()
    source = iter(lines)

    def following() -> Iterator[Line]:
        while True:
            if waiting:
                yield waiting.popleft()
            elif (line := next(source, None)) is not None:
                yield line
            else:
                return

    remaining = following()
    num_columns = None
    while (first_line := (waiting.popleft() if waiting else next(source, None))) is not None:
        if first_line.too_long:
            yield CsvRecord(first_line, None, is_too_long=True)
            continue
        reading = _Reading(remaining, first_line, max_bytes)
        error = ""
        try:
            fields = next(csv.reader(reading, delimiter=delimiter, strict=True))
        except (csv.Error, _RecordTooLongError) as failure:
            error = str(failure)
        else:
            num_columns = num_columns or len(fields) or None
            if fields and len(fields) != num_columns and len(reading.taken) > 1:
                # Two unrelated quotes have enclosed the rows between them.
                error = f"{len(fields)} columns, but the rows before it have {num_columns}"
        if error:
            waiting.extendleft(reversed(reading.taken[1:]))
            # The generator may have ended, in which case it would not see the waiting lines.
            remaining = following()
            yield CsvRecord(first_line, None, error=error, is_utf8=_is_utf8(first_line))
        else:
            yield CsvRecord(
                first_line, fields, num_columns, is_utf8=reading.is_utf8, has_nul=reading.has_nul
            )


def _is_utf8(line: Line) -> bool:
    try:
        line.content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
