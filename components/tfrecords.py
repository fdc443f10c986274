"""Reads and writes TFRecord files without TensorFlow.

Files are written atomically, and reading verifies every checksum. A record consists of its length
(uint64), the masked CRC-32C of the length, the data, and the masked CRC-32C of the data, all
little-endian (tensorflow/core/lib/io/record_writer.h). Files whose names end in `.gz` are
gzip-compressed; the compressed bytes depend only on the records, because the gzip header has no
time stamp.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import google_crc32c

from components import files

# The format prescribes this constant and a rotation: they keep the checksum meaningful for data
# that itself contains checksums.
_MASK_DELTA = 0xA282EAD8
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_HEADER_BYTES = _LENGTH.size + _CHECKSUM.size
# This many bytes are collected before they go to the compressor and the file, so that there are
# fewer and larger calls.
_BUFFER_BYTES = 1 << 20
# 16 + 15 tells zlib to write a gzip header, for which it uses the time stamp 0.
_GZIP_WINDOW_BITS = 31
# A damaged or malicious length must not make the reader allocate all memory. (Protocol buffers are
# limited to 2 GiB anyway.)
_MAX_RECORD_BYTES = 256 << 20
# For GLUE text, level 6 gives 8 % smaller files than level 3 but takes three times as long.
_DEFAULT_COMPRESSION_LEVEL = 3


class CorruptRecordError(ValueError):
    """A TFRecord file that is cut off, or whose checksums do not match its data."""


class RecordWriter:
    """Writes records to an open binary file.

    Attributes:
        num_records: number of records written so far.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        compress: bool,
        compression_level: int = _DEFAULT_COMPRESSION_LEVEL,
    ):
        self.num_records = 0
        self._digest = hashlib.sha256()
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
        self._digest.update(length)
        self._digest.update(record)
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

    @property
    def sha256(self) -> str:
        """SHA-256 of the records written so far, each after its length; hexadecimal.

        It does not depend on how they are compressed.
        """
        return self._digest.hexdigest()

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
    """Opens a writer whose file only appears at `path` when the block ends without an exception.

    Args:
        path: local path, or any URI that Beam's filesystems support; the file is gzip-compressed if
            this ends in ".gz".
        compression_level: compression level of zlib, from 1 (fast) to 9 (small).
    """
    with files.open_atomically(path) as file:
        writer = RecordWriter(
            file, compress=path.endswith(".gz"), compression_level=compression_level
        )
        yield writer
        writer.finish()


def write_records(path: str, records: Iterable[bytes]) -> int:
    """Writes a file of records atomically; returns the number of records."""
    with open_writer(path) as writer:
        for record in records:
            writer.write(record)
    return writer.num_records


def read_records(path: str) -> Iterator[bytes]:
    """Yields the records of a file in order, holding one in memory at a time.

    Raises:
        NoSuchFilesError: if there is no such file.
        CorruptRecordError: if the file is cut off or a checksum does not match; the message gives
            the number of the damaged record.
    """
    with files.open_to_read(path, purpose="a TFRecord file to read") as raw:
        # Beam's own decompression is not used because it accepts a cut-off gzip file as complete.
        file = gzip.GzipFile(fileobj=raw, mode="rb") if path.endswith(".gz") else raw
        number = 0
        try:
            while header := _read_exactly(file, _HEADER_BYTES, may_end=True):
                (length,) = _LENGTH.unpack_from(header)
                # The checksum of the length comes first: reading a damaged length could ask for
                # terabytes.
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
    # Reads in parts, because asking for more bytes than the file has would allocate memory for
    # them.
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
