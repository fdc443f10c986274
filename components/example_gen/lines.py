"""Opens input files, decompresses them by their suffix, and reads their lines in bounded memory."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import posixpath
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import zstandard

from components import files
from components.example_gen import text_form
from components.example_gen.text_form import Form

COMPRESSED_SUFFIXES: tuple[str, ...] = (".gz", ".bz2", ".zst")

_CHUNK_BYTES = 1 << 20
# zstd can expand one byte to up to 30,000, so that this many may become 30 MB.
_ZSTD_CHUNK_BYTES = 1 << 10
# How much of an overlong line is kept, so that users can recognise it.
_EXCERPT_BYTES = 2000


class DamagedFileError(ValueError):
    """A compressed file that is cut off or cannot be decompressed."""


class Line(NamedTuple):
    """One physical line.

    Attributes:
        number: line number, counted from 1.
        offset: position of its first byte in the decompressed file.
        content: its bytes without the line feed; only the beginning if the line is too long.
        too_long: whether the line has more bytes than are allowed.
        true_bytes: full length in bytes without the line feed if the line is too long; otherwise 0.
    """

    number: int
    offset: int
    content: bytes
    too_long: bool = False
    true_bytes: int = 0

    @property
    def num_bytes(self) -> int:
        """Length of the line in the file in bytes, without the line feed."""
        return self.true_bytes or len(self.content)


def is_compressed(path: str) -> bool:
    """Whether `open_decompressed` decompresses a file with this name."""
    return path.lower().endswith(COMPRESSED_SUFFIXES)


def without_compression(path: str) -> str:
    """Returns the name of a file without its compression suffix, if it has one."""
    return posixpath.splitext(path)[0] if is_compressed(path) else path


@contextlib.contextmanager
def open_decompressed(path: str, *, start: int = 0) -> Iterator[BinaryIO]:
    """Opens a binary file for reading and decompresses it according to its suffix.

    Beam's own decompression is not used: it takes a gzip file that was cut off in the middle for a
    complete one, and half of the rows would silently be missing.

    Args:
        path: a local path, or one in any filesystem that Beam supports.
        start: byte to begin at; ignored for compressed files, which can only be read from their
            beginning.

    Raises:
        NoSuchFilesError: if there is no such file.
        DamagedFileError: raised within the block, when reading reaches damaged data.
    """
    with files.open_to_read(path) as raw:
        if not is_compressed(path):
            if start:
                raw.seek(start)
            yield raw
            return
        try:
            with _decompressed(raw, path) as file:
                yield file
        except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
            raise DamagedFileError(
                f"{path} cannot be decompressed to its end ({error}). Its suffix says how it "
                "should be compressed; it may have been cut off. Copy the file again."
            ) from error


@contextlib.contextmanager
def open_text(path: str, form: Form) -> Iterator[HeadedFile]:
    """Opens a text file for reading, decompressed, after checking that it really has this form.

    Raises:
        WrongFormatError: if the file is something else; the message says what it is.
        NoSuchFilesError, DamagedFileError: see `open_decompressed`.
    """
    with open_decompressed(path) as file:
        headed = HeadedFile(file)
        text_form.check(headed.head, path, form)
        yield headed


class HeadedFile:
    """A binary file whose beginning can be inspected without losing it for the reader.

    Attributes:
        head: the first bytes of the file, up to `text_form.HEAD_BYTES`.

    Args:
        file: file opened for reading.
        head: the beginning of the file if it was read already; None reads it here.
    """

    def __init__(self, file: BinaryIO, head: bytes | None = None) -> None:
        self.head = read_at_most(file, text_form.HEAD_BYTES) if head is None else head
        self._file = file
        self._place = 0

    def read(self, size: int) -> bytes:
        """Returns at most `size` of the next bytes; empty at the end of the file."""
        if self._place < len(self.head):
            content = self.head[self._place : self._place + size]
            self._place += len(content)
            return content
        return self._file.read(size)


def read_at_most(file: BinaryIO, size: int) -> bytes:
    """Reads `size` bytes, or all of them if there are fewer."""
    parts = []
    while size > 0 and (part := file.read(min(size, _CHUNK_BYTES))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _decompressed(raw: BinaryIO, path: str) -> BinaryIO:
    suffix = posixpath.splitext(path)[1].lower()
    if suffix == ".gz":
        return gzip.GzipFile(fileobj=raw, mode="rb")
    if suffix == ".bz2":
        return bz2.BZ2File(raw)
    return io.BufferedReader(_ZstdFile(raw), _CHUNK_BYTES)


class _ZstdFile(io.RawIOBase):
    """Decompresses all frames of a zstd file.

    `ZstdDecompressor.stream_reader` is not used because it takes a cut-off file for a complete one.
    """

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__()
        self._raw = raw
        self._decompressor = zstandard.ZstdDecompressor()
        self._frame = None
        self._compressed = b""
        self._content = memoryview(b"")

    def readable(self) -> bool:
        """Always True."""
        return True

    def readinto(self, buffer: memoryview) -> int:
        """Fills the buffer at least partly and returns the number of bytes; 0 at the end."""
        while not self._content:
            self._compressed = self._compressed or self._raw.read(_ZSTD_CHUNK_BYTES)
            if not self._compressed:
                if self._frame is not None:
                    raise EOFError("the last zstd frame is not complete")
                return 0
            self._frame = self._frame or self._decompressor.decompressobj()
            self._content = memoryview(self._frame.decompress(self._compressed))
            self._compressed = b""
            if self._frame.eof:
                self._compressed, self._frame = self._frame.unused_data, None
        count = min(len(buffer), len(self._content))
        buffer[:count] = self._content[:count]
        self._content = self._content[count:]
        return count


def read_lines(
    file: BinaryIO | HeadedFile, *, max_bytes: int, chunk_bytes: int = _CHUNK_BYTES
) -> Iterator[Line]:
    """Yields the lines of a binary file, separated by line feeds; carriage returns are kept.

    Args:
        file: file opened for reading, at its beginning.
        max_bytes: length of the longest line to return whole. Only the beginning of a longer line
            is kept in memory, however long it is.
        chunk_bytes: number of bytes to read at a time.
    """
    number = 1
    offset = 0
    # The line that the last chunk ended in the middle of: what is kept of it, and its full length.
    rest: list[bytes] = []
    rest_bytes = 0
    while chunk := file.read(chunk_bytes):
        pieces = chunk.split(b"\n")
        for piece in pieces[:-1]:
            length = rest_bytes + len(piece)
            content = b"".join((*rest, piece)) if rest else piece
            yield _line(number, offset, content, length, max_bytes)
            number += 1
            offset += length + 1
            rest = []
            rest_bytes = 0
        rest_bytes += len(pieces[-1])
        rest.append(pieces[-1])
        if rest_bytes > max_bytes:
            rest = [b"".join(rest)[:_EXCERPT_BYTES]]
    if rest_bytes:
        yield _line(number, offset, b"".join(rest), rest_bytes, max_bytes)


def _line(number: int, offset: int, content: bytes, length: int, max_bytes: int) -> Line:
    if length > max_bytes:
        return Line(number, offset, content[:_EXCERPT_BYTES], too_long=True, true_bytes=length)
    return Line(number, offset, content)
