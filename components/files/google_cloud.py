"""Access to buckets of Google Cloud Storage, which differ from a disk in several ways.

- A folder is only a common prefix of names. TensorFlow and Google's console nevertheless write an
  empty object `folder/`, and other programs delete it or never write it. This module never lists
  it, does not need it, and removes it together with its folder.
- An object exists as a whole or not at all, so it is written directly to its final name. A rename
  would be a copy and a deletion, and appending is not possible.
- Each request takes 20 to 100 ms and costs money. Reading or writing a small file takes one
  request, listing a folder one per 1,000 names, and deleting it one per 100 files.

After status 429, 5xx or a broken connection, requests are retried for two minutes.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import requests
from apache_beam.io.gcp import gcsio
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from components.files.stores import File, spooled

# Number of requests in a batch; Google allows at most 100.
_BATCH = 100
# How many bytes to request at a time when a file is read in pieces.
_PIECE = 16 << 20
_READER = "roles/storage.objectViewer"
_WRITER = "roles/storage.objectAdmin"
# Also retry if an answer was cut off so that it is not valid JSON; Google's client does not do so.
_RETRY = DEFAULT_RETRY.with_predicate(
    lambda error: (
        DEFAULT_RETRY._predicate(error) or isinstance(error, requests.exceptions.JSONDecodeError)
    )
)
_ERRORS = (exceptions.GoogleAPIError, auth_exceptions.GoogleAuthError)


# ruff: noqa: D102  (the methods are documented in `stores.Store`)


class GoogleCloudStorage:
    """The store for paths of the form `gs://<bucket>/<name>`; for its methods see `stores.Store`.

    A missing object raises `FileNotFoundError`; a request that fails otherwise raises `OSError`.
    """

    def list(self, prefix: str, *, deep: bool) -> Iterator[File]:
        bucket, name = _split(prefix)
        with _explained(prefix, "listed", _READER):
            for blob in _client().list_blobs(
                bucket,
                prefix=name,
                delimiter=None if deep else "/",
                fields="items(name,size),nextPageToken",
                retry=_RETRY,
            ):
                if not blob.name.endswith("/"):
                    yield File(f"gs://{bucket}/{blob.name}", blob.size)

    def names(self, folder: str) -> set[str]:
        bucket, name = _split(f"{folder.rstrip('/')}/")
        with _explained(folder, "listed", _READER):
            found = _client().list_blobs(bucket, prefix=name, delimiter="/", retry=_RETRY)
            inside = {blob.name.removeprefix(name) for blob in found}
        return {*inside, *(prefix[len(name) : -1] for prefix in found.prefixes)} - {""}

    def is_folder(self, path: str) -> bool:
        bucket, name = _split(f"{path.rstrip('/')}/")
        with _explained(path, "listed", _READER):
            found = _client().list_blobs(bucket, prefix=name, max_results=1, retry=_RETRY)
            return next(iter(found), None) is not None

    def look(self, path: str) -> File | None:
        blob = _blob(path)
        try:
            with _explained(path, "read", _READER):
                blob.reload(retry=_RETRY)
        except FileNotFoundError:
            return None
        return File(path, blob.size)

    def read(self, path: str) -> bytes:
        with _explained(path, "read", _READER):
            return _blob(path).download_as_bytes(raw_download=True, checksum="crc32c", retry=_RETRY)

    def open(self, path: str) -> BinaryIO:
        return io.BufferedReader(_Reader(path), _PIECE)

    @contextlib.contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        with spooled() as file:
            yield file
            size = file.tell()

            def upload() -> None:
                # Retrying is safe, since every attempt writes the same object.
                _blob(path).upload_from_file(file, size=size, rewind=True, retry=_RETRY)

            with _explained(path, "written", _WRITER):
                # The client's own retries do not cover an answer that breaks off after the upload.
                _RETRY(upload)()

    def delete(self, paths: Iterable[str]) -> None:
        paths = list(paths)
        for start in range(0, len(paths), _BATCH):
            # Files that do not exist count as deleted.
            for path, status in _io().delete_batch(paths[start : start + _BATCH]):
                if status is not None:
                    raise _refusal(path, "deleted", _WRITER, f"status {status}")

    def remove_tree(self, path: str) -> None:
        path = path.rstrip("/")
        bucket, name = _split(path)
        with _explained(path, "listed", _READER):
            found = _client().list_blobs(
                bucket, prefix=name, fields="items(name),nextPageToken", retry=_RETRY
            )
            own = [
                f"gs://{bucket}/{blob.name}"
                for blob in found
                if blob.name == name or blob.name.startswith(f"{name}/")
            ]
        self.delete(own)

    def copy(self, source: str, target: str) -> None:
        with _explained(source, f"copied to {target}", _WRITER):
            blob = _blob(target)
            token = None
            while True:
                # Copying a large object between certain buckets takes several requests.
                token, _, _ = blob.rewrite(_blob(source), token=token, retry=_RETRY)
                if token is None:
                    return

    def make_folder(self, path: str) -> None:
        """Does nothing, since buckets need no folders."""


class _Reader(io.RawIOBase):
    """Reads an object in pieces.

    This takes one request for the object's size and generation, and one for each piece.
    """

    def __init__(self, path: str):
        super().__init__()
        self._path = path
        self._blob = _blob(path)
        self._position = 0
        with _explained(path, "read", _READER):
            # This fixes the generation to read, so that pieces fit together even if the object is
            # overwritten in the meantime.
            self._blob.reload(retry=_RETRY)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            offset += self._blob.size
        elif whence == io.SEEK_CUR:
            offset += self._position
        self._position = max(0, offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:
        size = min(len(buffer), self._blob.size - self._position)
        if size <= 0:
            return 0
        with _explained(self._path, "read", _READER):
            piece = _RETRY(self._piece)(size)
        buffer[:size] = piece
        self._position += size
        return size

    def readall(self) -> bytes:
        """Reads what is left; Python's own way asks for 8 KiB at a time."""
        rest = bytearray(max(0, self._blob.size - self._position))
        for begin in range(0, len(rest), _PIECE):
            self.readinto(memoryview(rest)[begin : begin + _PIECE])
        return bytes(rest)

    def _piece(self, size: int) -> bytes:
        start = self._position
        piece = self._blob.download_as_bytes(
            start=start, end=start + size - 1, raw_download=True, checksum=None, retry=_RETRY
        )
        if len(piece) != size:
            # Google's client takes an answer that breaks off for a complete one.
            raise ConnectionError(f"{len(piece):,} of {size:,} bytes came from {self._path}")
        return piece


@functools.cache
def _io_of_process(process: int) -> gcsio.GcsIO:
    del process
    return gcsio.GcsIO()


def _io() -> gcsio.GcsIO:
    """Returns Beam's client, which uses the account that Beam finds.

    Each process has a client of its own, because connections cannot be shared across forks.
    """
    return _io_of_process(os.getpid())


def _client() -> storage.Client:
    return _io().client


def _split(path: str) -> tuple[str, str]:
    bucket, _, name = path.removeprefix("gs://").partition("/")
    return bucket, name


def _blob(path: str) -> storage.Blob:
    bucket, name = _split(path)
    if not bucket or not name:
        raise ValueError(f"{path} names no file in a bucket; write gs://<bucket>/<name>.")
    return _client().bucket(bucket).blob(name)


@contextlib.contextmanager
def _explained(path: str, what: str, role: str) -> Iterator[None]:
    """Converts exceptions of Google's client into the `OSError`s that other stores raise."""
    try:
        yield
    except exceptions.NotFound as error:
        raise FileNotFoundError(f"{path} cannot be {what}: {_message(error)}") from error
    except _ERRORS as error:
        raise _refusal(path, what, role, _message(error)) from error


def _refusal(path: str, what: str, role: str, reason: str) -> OSError:
    bucket, _ = _split(path)
    return OSError(
        f"{path} cannot be {what}: {reason}. Check the name, and that the account has the role "
        f"{role} on the bucket {bucket}."
    )


def _message(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    return f"{type(error).__name__}: {text}"
