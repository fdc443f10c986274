"""Buckets of Google Cloud Storage, as they are and not as a disk would be.

- A folder is nothing but the beginning of names. TensorFlow and Google's console write an empty
  object `folder/` all the same, others delete it or never write it: it is never listed here, never
  needed, and goes with the rest when a folder is removed.
- An object is there whole or not at all, so it is written in its place. A rename would be a copy
  and a deletion, and there is no appending.
- Each request takes 20 to 100 ms and is paid for: a small file is read or written by one, a folder
  listed by one per 1,000 names and deleted by one per 100.

Requests are repeated for two minutes after 429, 5xx and broken connections.
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

# Requests of a batch; Google allows 100.
_BATCH = 100
# Read at once where a file is read in pieces, in bytes.
_PIECE = 16 << 20
_READER = "roles/storage.objectViewer"
_WRITER = "roles/storage.objectAdmin"
# Google's client does not see that an answer broke off where the rest is no JSON.
_RETRY = DEFAULT_RETRY.with_predicate(
    lambda error: (
        DEFAULT_RETRY._predicate(error) or isinstance(error, requests.exceptions.JSONDecodeError)
    )
)
_ERRORS = (exceptions.GoogleAPIError, auth_exceptions.GoogleAuthError)


# ruff: noqa: D102  (what the functions do is said in `stores.Store`)


class GoogleCloudStorage:
    """The store of paths `gs://<bucket>/<name>`; see `stores.Store`."""

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
                # Again after a failure as well: it is the same object that is written.
                _blob(path).upload_from_file(file, size=size, rewind=True, retry=_RETRY)

            with _explained(path, "written", _WRITER):
                # What breaks off after the last byte is met outside of the client's own repetition.
                _RETRY(upload)()

    def delete(self, paths: Iterable[str]) -> None:
        paths = list(paths)
        for start in range(0, len(paths), _BATCH):
            # Those that are not there count as deleted.
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
                # Large objects take several requests between some buckets.
                token, _, _ = blob.rewrite(_blob(source), token=token, retry=_RETRY)
                if token is None:
                    return

    def make_folder(self, path: str) -> None:
        """Nothing: no folder is needed."""


class _Reader(io.RawIOBase):
    """An object, piece by piece: a request for its size and generation, and one for each piece."""

    def __init__(self, path: str):
        super().__init__()
        self._path = path
        self._blob = _blob(path)
        self._position = 0
        with _explained(path, "read", _READER):
            # From here on it is this generation that is read, whoever writes another.
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

    def _piece(self, size: int) -> bytes:
        start = self._position
        piece = self._blob.download_as_bytes(
            start=start, end=start + size - 1, raw_download=True, checksum=None, retry=_RETRY
        )
        if len(piece) != size:
            # Google's client takes an answer that breaks off for the end of the file.
            raise ConnectionError(f"{len(piece):,} of {size:,} bytes came from {self._path}")
        return piece


@functools.cache
def _io_of_process(process: int) -> gcsio.GcsIO:
    del process
    return gcsio.GcsIO()


def _io() -> gcsio.GcsIO:
    """Beam's client, with the account that Beam finds; connections are not shared across forks."""
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
    """Turns what Google's client raises into what files raise everywhere."""
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
