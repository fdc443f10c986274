"""Corpus files: decompressed by extension, cut into ranges and lines, in bounded memory."""

from __future__ import annotations

import bz2
import contextlib
import dataclasses
import gzip
import re
import zlib
from collections.abc import Iterator

import zstandard

from components import files

COMPRESSED_EXTENSIONS: tuple[str, ...] = (".gz", ".bz2", ".zst")

_CHUNK_BYTES = 1 << 20
# zstd makes up to 30,000 bytes of one: 120 MB of this many.
_ZSTD_CHUNK_BYTES = 1 << 12
# Of a line that is too long this much is kept, for the dead letter.
_EXCERPT_BYTES = 500
_BLANK_LINE = re.compile(rb"\n[ \t\r]*\n")
_LINE_END = re.compile(rb"\n")


class DamagedFileError(ValueError):
    """A compressed file that is cut off or is not what its extension says."""


@dataclasses.dataclass(frozen=True)
class FileRange:
    """A file or a part of it.

    Attributes:
        path: of the file.
        start: byte at which the range begins.
        end: byte behind its last one; None for the end of the file.
        first_line: number of the line that begins at `start`, counted from 1.
    """

    path: str
    start: int = 0
    end: int | None = None
    first_line: int = 1


def is_compressed(path: str) -> bool:
    """Whether the extension says so; compressed files cannot be read from the middle."""
    return path.endswith(COMPRESSED_EXTENSIONS)


def split_into_ranges(
    path: str, *, size: int, range_bytes: int, at_blank_lines: bool
) -> Iterator[FileRange]:
    """Ranges of about `range_bytes` that together are the file.

    Args:
        path: of a file of lines.
        size: bytes in it.
        range_bytes: aimed at; a range may be longer, where there is no place to cut.
        at_blank_lines: cut at blank lines only, not at every line's end.
    """
    if is_compressed(path) or size < 2 * range_bytes:
        yield FileRange(path)
        return
    boundary = _BLANK_LINE if at_blank_lines else _LINE_END
    start = position = 0
    first_line = line = 1
    for chunk in _chunks(FileRange(path)):
        counted = 0
        # A boundary that straddles two chunks is missed, and another is found in the next.
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


def lines(file_range: FileRange, *, max_line_bytes: int) -> Iterator[tuple[int, bytes, bool]]:
    r"""Lines between `\n`, without it.

    Yields:
        Number of the line, its bytes, and True; or, for a line of more than `max_line_bytes`, the
        beginning of it and False.

    Raises:
        NoSuchFilesError: if there is no such file.
        DamagedFileError: if it cannot be decompressed.
    """
    number = file_range.first_line
    rest = excerpt = b""
    too_long = False
    for chunk in _chunks(file_range):
        parts = chunk.split(b"\n")
        if too_long:
            parts[0] = b""
        elif rest:
            parts[0] = rest + parts[0]
        rest = parts.pop()
        for part in parts:
            if too_long or len(part) > max_line_bytes:
                yield number, excerpt if too_long else part[:_EXCERPT_BYTES], False
                too_long = False
            else:
                yield number, part, True
            number += 1
        if not too_long and len(rest) > max_line_bytes:
            too_long, excerpt = True, rest[:_EXCERPT_BYTES]
        if too_long:
            rest = b""
    if too_long:
        yield number, excerpt, False
    elif rest:
        yield number, rest, True


def _chunks(file_range: FileRange) -> Iterator[bytes]:
    path = file_range.path
    with files.open_to_read(path, purpose="a corpus file") as raw:
        if not is_compressed(path):
            if file_range.start:
                raw.seek(file_range.start)
            yield from _limited(raw, file_range.start, file_range.end)
            return
        try:
            if path.endswith(".zst"):
                yield from _zstd_chunks(raw)
                return
            opener = gzip.GzipFile(fileobj=raw) if path.endswith(".gz") else bz2.BZ2File(raw)
            with contextlib.closing(opener) as file:
                while chunk := file.read(_CHUNK_BYTES):
                    yield chunk
        except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
            raise DamagedFileError(
                f"{path} cannot be decompressed: {error}. Its extension says how it should be "
                "compressed; it may have been cut off while it was copied."
            ) from error


def _limited(file: object, position: int, end: int | None) -> Iterator[bytes]:
    while end is None or position < end:
        size = _CHUNK_BYTES if end is None else min(_CHUNK_BYTES, end - position)
        chunk = file.read(size)
        if not chunk:
            return
        position += len(chunk)
        yield chunk


def _zstd_chunks(raw: object) -> Iterator[bytes]:
    """Decompressed pieces of all frames.

    Not `stream_reader`: it takes a cut-off file for a complete one.
    """
    decompressor = zstandard.ZstdDecompressor()
    frame = None
    while compressed := raw.read(_ZSTD_CHUNK_BYTES):
        while compressed:
            frame = frame or decompressor.decompressobj()
            chunk = frame.decompress(compressed)
            if chunk:
                yield chunk
            compressed = b""
            if frame.eof:
                compressed, frame = frame.unused_data, None
    if frame is not None:
        raise EOFError("the last zstd frame is not complete")
