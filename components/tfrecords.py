"""TFRecord files without TensorFlow: written whole or not at all, read back with every check.

A record is its length (uint64), the masked CRC-32C of the length, the data, and the masked CRC-32C
of the data, all little-endian (tensorflow/core/lib/io/record_writer.h). Files whose name ends in
`.gz` are gzip-compressed; the compressed bytes depend on the records alone, not on the clock.
"""

from __future__ import annotations

import contextlib
import gzip
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import google_crc32c

from components import files

# Rotation and constant are the format's own: they keep the checksum of data that itself contains
# checksums from degenerating.
_MASK_DELTA = 0xA282EAD8
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_HEADER_BYTES = _LENGTH.size + _CHECKSUM.size
# Frames gathered before they go to the compressor and the file: larger calls, fewer of them.
_BUFFER_BYTES = 1 << 20
# 16 + 15: zlib's way to ask for a gzip header, which it writes with time stamp 0.
_GZIP_WINDOW_BITS = 31
# A damaged or hostile length must not ask for all memory; protocol buffers end at 2 GiB.
_MAX_RECORD_BYTES = 256 << 20
# Level 6 makes GLUE text 8 % smaller than level 3 and takes three times as long.
_DEFAULT_COMPRESSION_LEVEL = 3


class CorruptRecordError(ValueError):
    """A TFRecord file that is cut off or whose checksums do not fit."""


class RecordWriter:
    """Frames records into an open binary file.

    Attributes:
        num_records: records written so far.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        compress: bool,
        compression_level: int = _DEFAULT_COMPRESSION_LEVEL,
    ):
        self.num_records = 0
        self._file = file
        self._frames: list[bytes] = []
        self._buffered = 0
        self._compressor = (
            zlib.compressobj(compression_level, zlib.DEFLATED, _GZIP_WINDOW_BITS)
            if compress
            else None
        )

    def write(self, record: bytes) -> None:
        """Appends one record."""
        length = _LENGTH.pack(len(record))
        self._frames += (
            length,
            _CHECKSUM.pack(_masked_checksum(length)),
            record,
            _CHECKSUM.pack(_masked_checksum(record)),
        )
        self._buffered += len(record)
        self.num_records += 1
        if self._buffered >= _BUFFER_BYTES:
            self._flush()

    def finish(self) -> None:
        """Writes what is buffered and the end of the compressed stream; leaves the file open."""
        self._flush()
        if self._compressor is not None:
            self._file.write(self._compressor.flush())

    def _flush(self) -> None:
        data = b"".join(self._frames)
        self._frames.clear()
        self._buffered = 0
        if self._compressor is not None:
            data = self._compressor.compress(data)
        if data:
            self._file.write(data)


@contextlib.contextmanager
def open_writer(
    path: str, *, compression_level: int = _DEFAULT_COMPRESSION_LEVEL
) -> Iterator[RecordWriter]:
    """A writer whose file stands at `path` only once the block has ended without an exception.

    Args:
        path: anywhere Beam's filesystems reach; gzip-compressed if it ends in ".gz".
        compression_level: of zlib, 1 (fast) to 9 (small).
    """
    with files.open_atomically(path) as file:
        writer = RecordWriter(
            file, compress=path.endswith(".gz"), compression_level=compression_level
        )
        yield writer
        writer.finish()


def write_records(path: str, records: Iterable[bytes]) -> int:
    """Writes a file of records whole or not at all; returns their number."""
    with open_writer(path) as writer:
        for record in records:
            writer.write(record)
    return writer.num_records


def read_records(path: str) -> Iterator[bytes]:
    """Records of one file, in order, with bounded memory.

    Raises:
        NoSuchFilesError: if there is no such file.
        CorruptRecordError: naming the record, if the file is cut off or a checksum does not fit.
    """
    with files.open_to_read(path, purpose="a TFRecord file to read") as raw:
        # Not Beam's own decompression: it takes a cut-off gzip file for a complete one.
        file = gzip.GzipFile(fileobj=raw, mode="rb") if path.endswith(".gz") else raw
        number = 0
        try:
            while header := _read_exactly(file, _HEADER_BYTES, may_end=True):
                (length,) = _LENGTH.unpack_from(header)
                # Checked before it is believed: a damaged length would ask for terabytes.
                _check(header[: _LENGTH.size], header[_LENGTH.size :])
                if length > _MAX_RECORD_BYTES:
                    raise CorruptRecordError(
                        f"its length is given as {length:,} bytes; at most "
                        f"{_MAX_RECORD_BYTES:,} are read"
                    )
                record = _read_exactly(file, length)
                _check(record, _read_exactly(file, _CHECKSUM.size))
                yield record
                number += 1
        except (EOFError, OSError, zlib.error, CorruptRecordError) as error:
            raise CorruptRecordError(
                f"{path} is damaged at its record {number} (counted from 0): {error}. "
                "Make the file again."
            ) from error


def _read_exactly(file: BinaryIO, size: int, *, may_end: bool = False) -> bytes:
    parts = []
    missing = size
    # In pieces: to ask for what is not there would take the memory for it.
    while missing and (part := file.read(min(missing, _BUFFER_BYTES))):
        parts.append(part)
        missing -= len(part)
    if missing and not (may_end and missing == size):
        raise CorruptRecordError(f"the file ends {missing:,} bytes too early")
    return b"".join(parts)


def _check(data: bytes, stored: bytes) -> None:
    if _CHECKSUM.unpack(stored)[0] != _masked_checksum(data):
        raise CorruptRecordError("a checksum does not fit the data")


def _masked_checksum(data: bytes) -> int:
    checksum = google_crc32c.value(data)
    return (((checksum >> 15) | (checksum << 17)) + _MASK_DELTA) & 0xFFFFFFFF
