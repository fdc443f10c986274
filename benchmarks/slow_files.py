"""`slow://PATH`: files of this machine that behave like a bucket's, with a delay for each request.

Beam finds the class by its base once this module is imported; in a worker, unpickling
`SlowFilesTokenizer` does that. Each request of an operation waits for `SLOW_FILES_SECONDS` and adds
a byte to the file that `SLOW_FILES_LOG` names, so that several processes can count together: `l`
for listing or looking, `r` for reading at most 16 MiB, `w` for writing, `d` for deleting.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from apache_beam.io.filesystem import CompressionTypes, FileMetadata
from apache_beam.io.localfilesystem import LocalFileSystem

from components.tokenization.tokenizer import Tokenizer

SCHEME = "slow"
SECONDS_VARIABLE = "SLOW_FILES_SECONDS"
LOG_VARIABLE = "SLOW_FILES_LOG"
# `components.files.google_cloud` reads as much with one request.
_PIECE = 16 << 20
_PREFIX = f"{SCHEME}://"


def request(kind: str) -> None:
    """Counts a request and waits for as long as it takes."""
    path = os.environ.get(LOG_VARIABLE)
    if path:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, kind.encode())
        os.close(file)
    time.sleep(float(os.environ.get(SECONDS_VARIABLE, "0")))


class _Pieces(io.RawIOBase):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        request("r")
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Upload(io.FileIO):
    def close(self) -> None:
        if not self.closed:
            request("w")
        super().close()


class SlowFiles(LocalFileSystem):
    """The filesystem of `slow://`."""

    @classmethod
    def scheme(cls) -> str:
        """Returns the beginning of the paths that lead here."""
        return SCHEME

    def join(self, basepath: str, *paths: str) -> str:
        """Joins parts of a path."""
        return _PREFIX + super().join(_local(basepath), *paths)

    def split(self, path: str) -> tuple[str, str]:
        """Splits a path into folder and name."""
        folder, name = super().split(_local(path))
        return _PREFIX + folder, name

    def has_dirs(self) -> bool:
        """Says that there are no folders, as in a bucket."""
        return False

    def mkdirs(self, path: str) -> None:
        """Makes a folder, which takes no request in a bucket."""
        os.makedirs(_local(path), exist_ok=True)

    def _list(self, dir_or_prefix: str) -> Iterator[FileMetadata]:
        request("l")
        prefix = _local(dir_or_prefix)
        for folder, _, names in os.walk(os.path.dirname(prefix)):
            for path in (os.path.join(folder, name) for name in names):
                if path.startswith(prefix):
                    yield FileMetadata(_PREFIX + path, os.path.getsize(path))

    def exists(self, path: str) -> bool:
        """Looks for a file; folders are none."""
        request("l")
        return os.path.isfile(_local(path))

    def open(
        self,
        path: str,
        mime_type: str = "application/octet-stream",
        compression_type: str = CompressionTypes.AUTO,
    ) -> BinaryIO:
        """Opens a file for reading, as it is stored."""
        request("l")
        return io.BufferedReader(_Pieces(open(_local(path), "rb")), _PIECE)

    def create(
        self,
        path: str,
        mime_type: str = "application/octet-stream",
        compression_type: str = CompressionTypes.AUTO,
    ) -> BinaryIO:
        """Opens a file for writing."""
        return _Upload(_local(path), "wb")

    def delete(self, paths: list[str]) -> None:
        """Removes files; a batch of requests takes 100."""
        for _ in range(0, len(paths), 100):
            request("d")
        for path in paths:
            os.remove(_local(path))


class SlowFilesTokenizer(Tokenizer):
    """A tokenizer whose pickle makes a worker import this module."""


def _local(path: str) -> str:
    return path.removeprefix(_PREFIX)
