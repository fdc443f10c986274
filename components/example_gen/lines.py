"""Text files as numbered lines of bytes, with bounded memory."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from components import files

_CHUNK_BYTES = 1 << 20
# How much of a line that is too long is kept, to recognise it by.
_EXCERPT_BYTES = 2000
_COMPRESSED_SUFFIXES = (".gz", ".bz2")


class DamagedFileError(ValueError):
    """A compressed file that is cut off or cannot be decompressed."""


class Line(NamedTuple):
    """One physical line.

    Attributes:
        number: counted from 1.
        offset: of its first byte in the decompressed file.
        content: its bytes without the line feed; only the beginning if it is too long.
        too_long: whether it has more bytes than are allowed.
    """

    number: int
    offset: int
    content: bytes
    too_long: bool = False


def is_compressed(path: str) -> bool:
    """Whether `open_decompressed` decompresses a file of this name."""
    return path.endswith(_COMPRESSED_SUFFIXES)


@contextlib.contextmanager
def open_decompressed(path: str) -> Iterator[BinaryIO]:
    """A binary file to read, decompressed by the suffix of its name.

    Beam's own decompression is not used: it takes a gzip file that was cut off in the middle for a
    complete one, and half of the rows would be missing without a word.

    Raises:
        DamagedFileError: in the block, when reading meets damage.
    """
    with files.open_to_read(path) as raw:
        if not is_compressed(path):
            yield raw
            return
        file = gzip.GzipFile(fileobj=raw) if path.endswith(".gz") else bz2.BZ2File(raw)
        try:
            yield file
        except (EOFError, OSError, zlib.error) as error:
            raise DamagedFileError(
                f"{path} cannot be decompressed to its end ({error}). Copy the file again."
            ) from error


def read_lines(
    file: BinaryIO, *, max_bytes: int, chunk_bytes: int = _CHUNK_BYTES
) -> Iterator[Line]:
    """Lines of a binary file, separated by line feeds; a carriage return stays in the line.

    Args:
        file: opened for reading, at its beginning.
        max_bytes: longest line to hand out whole. Of longer ones only the beginning is kept in
            memory, however long they are.
        chunk_bytes: how much is read at a time.
    """
    number = 1
    offset = 0
    # The line that the end of the last chunk cut through: what is kept of it, and its true length.
    rest = b""
    rest_bytes = 0
    while chunk := file.read(chunk_bytes):
        pieces = chunk.split(b"\n")
        for piece in pieces[:-1]:
            length = rest_bytes + len(piece)
            content = rest + piece if rest else piece
            yield _line(number, offset, content, length, max_bytes)
            number += 1
            offset += length + 1
            rest = b""
            rest_bytes = 0
        rest_bytes += len(pieces[-1])
        rest += pieces[-1]
        if rest_bytes > max_bytes:
            rest = rest[:_EXCERPT_BYTES]
    if rest_bytes:
        yield _line(number, offset, rest, rest_bytes, max_bytes)


def _line(number: int, offset: int, content: bytes, length: int, max_bytes: int) -> Line:
    if length > max_bytes:
        return Line(number, offset, content[:_EXCERPT_BYTES], too_long=True)
    return Line(number, offset, content)
