"""Cuts corpus files into ranges for several workers, and reads their lines in bounded memory."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import NamedTuple

from components.example_gen import lines as lines_lib
from components.example_gen.lines import DamagedFileError, is_compressed

__all__ = ["DamagedFileError", "FileRange", "Line", "is_compressed", "lines", "split_into_ranges"]

_CHUNK_BYTES = 1 << 20
# How much of an overlong line is kept for its dead letter.
_EXCERPT_BYTES = 500
# A character in UTF-8 has at most this many bytes after its first one.
_MAX_CONTINUATION_BYTES = 3
_BLANK_LINE = re.compile(rb"\n[ \t\r]*\n")
_LINE_END = re.compile(rb"\n")


@dataclasses.dataclass(frozen=True)
class FileRange:
    """A file or a part of it.

    Attributes:
        path: path of the file.
        start: offset of the first byte of the range.
        end: offset of the byte after the last one; None for the end of the file.
        first_line: number of the line that begins at `start`, counted from 1.
    """

    path: str
    start: int = 0
    end: int | None = None
    first_line: int = 1


def split_into_ranges(
    path: str, *, size: int, range_bytes: int, at_blank_lines: bool
) -> Iterator[FileRange]:
    """Divides a file into ranges of about `range_bytes`; a compressed file is a single range.

    Args:
        path: path of a file that consists of lines.
        size: size of the file in bytes.
        range_bytes: target length in bytes. A range is longer if there is no earlier place to cut.
        at_blank_lines: whether to cut only at blank lines, rather than at the end of any line.
    """
    if is_compressed(path) or size < 2 * range_bytes:
        yield FileRange(path)
        return
    boundary = _BLANK_LINE if at_blank_lines else _LINE_END
    start = position = 0
    first_line = line = 1
    for chunk in _chunks(FileRange(path)):
        counted = 0
        # A boundary that straddles two chunks is missed; the range then ends at a later one.
        while found := boundary.search(chunk, max(counted, start + range_bytes - position)):
            end = position + found.end()
            if end >= size:
                break
            line += chunk.count(b"\n", counted, found.end())
            counted = found.end()
            yield FileRange(path, start, end, first_line)
            start, first_line = end, line
        position += len(chunk)
        line += chunk.count(b"\n", counted)
    yield FileRange(path, start, None, first_line)


class Line(NamedTuple):
    """A line, or a part of a very long one.

    Attributes:
        number: number of the line in the file, counted from 1.
        content: bytes of the line or the part; only the beginning of a line that is left out.
        num_bytes: length of the line, or of the part if the line was cut.
        is_whole: False if the line is too long and is left out.
        part: 0, 1, … for the parts of a line that was cut; 0 for any other line.
    """

    number: int
    content: bytes
    num_bytes: int
    is_whole: bool = True
    part: int = 0


def lines(file_range: FileRange, *, max_line_bytes: int, cut: bool = False) -> Iterator[Line]:
    r"""Yields the lines of a range, separated by `\n` and without it.

    Args:
        file_range: the file, or part of it, to read.
        max_line_bytes: length in bytes of the longest line, or part, to return whole.
        cut: whether longer lines are cut into parts, at spaces if there are any and never within a
            character. Otherwise only the beginning of a longer line is returned.

    Raises:
        NoSuchFilesError: if there is no such file.
        DamagedFileError: if the file cannot be decompressed.
    """
    number = file_range.first_line
    building = _Building(max_line_bytes, cut)
    for chunk in _chunks(file_range):
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            if building.is_empty and len(piece) <= max_line_bytes:
                yield Line(number, piece, len(piece))
            else:
                yield from building.add(piece, number)
                yield building.end(number)
            number += 1
        yield from building.add(rest, number)
    if not building.is_empty:
        yield building.end(number)


class _Building:
    """A line that has not been read to its end yet."""

    def __init__(self, max_bytes: int, cut: bool) -> None:
        self._max_bytes = max_bytes
        self._cut = cut
        self._clear()

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the line has been read yet."""
        return not self._length

    def add(self, piece: bytes, number: int) -> Iterator[Line]:
        """Adds the next bytes; yields the parts that are complete, if the line is to be cut."""
        self._kept.append(piece)
        self._length += len(piece)
        if self._length <= self._max_bytes:
            return
        if not self._cut:
            self._kept = [b"".join(self._kept)[:_EXCERPT_BYTES]]
            return
        *parts, rest = _cut(b"".join(self._kept), self._max_bytes)
        for content in parts:
            yield Line(number, content, len(content), part=self._part)
            self._part += 1
        self._kept, self._length = [rest], len(rest)

    def end(self, number: int) -> Line:
        """Returns the line, or its last part, and starts a new one."""
        content, length, part = b"".join(self._kept), self._length, self._part
        self._clear()
        if length > self._max_bytes:
            return Line(number, content[:_EXCERPT_BYTES], length, is_whole=False)
        return Line(number, content, length, part=part)

    def _clear(self) -> None:
        self._kept: list[bytes] = []
        self._length = self._part = 0


def _cut(content: bytes, max_bytes: int) -> Iterator[bytes]:
    """Yields parts of at most `max_bytes`; bytes still to be read may continue the last one."""
    start = 0
    while len(content) - start > max_bytes:
        end = content.rfind(b" ", start + 1, start + max_bytes + 1)
        if end < 0:
            end = start + max_bytes
            # Do not cut within a character: all its bytes except the first are 10xxxxxx.
            for _ in range(_MAX_CONTINUATION_BYTES):
                if content[end] & 0xC0 != 0x80:
                    break
                end -= 1
        yield content[start:end]
        start = end
    yield content[start:]


def _chunks(file_range: FileRange) -> Iterator[bytes]:
    with lines_lib.open_decompressed(file_range.path, start=file_range.start) as file:
        position, end = file_range.start, file_range.end
        while end is None or position < end:
            size = _CHUNK_BYTES if end is None else min(_CHUNK_BYTES, end - position)
            chunk = file.read(size)
            if not chunk:
                return
            position += len(chunk)
            yield chunk
