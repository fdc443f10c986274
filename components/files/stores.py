"""The stores behind `components.files`: disks, Google's buckets, and whatever else Beam supports.

Every method takes full paths and takes them literally: a bracket is a bracket, not a pattern.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

# Beam's S3 filesystem does not work without pipeline options, which are not set outside a pipeline.
if FileSystems._pipeline_options is None:
    FileSystems.set_options(PipelineOptions([]))


@dataclasses.dataclass(frozen=True)
class File:
    """A file that was found.

    Attributes:
        path: full path of the file.
        size: size in bytes, as stored; for a compressed file, its compressed size.
    """

    path: str
    size: int


class Store(Protocol):
    """A place where files are stored."""

    def list(self, prefix: str, *, deep: bool) -> Iterator[File]:
        """Yields the files (not folders) whose paths begin with `prefix`, in any order.

        Args:
            prefix: beginning of a path, which may end in the middle of a name.
            deep: whether to include files in folders below the prefix's folder. If False, a store
                may include them or not.
        """

    def names(self, folder: str) -> set[str]:
        """Returns the names of files and folders directly in a folder; empty if there is none."""

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder with this path.

        In stores where folders are only prefixes of names, whether any name has this prefix.
        """

    def look(self, path: str) -> File | None:
        """Returns the file with this path; None if there is none, or if it is a folder."""

    def read(self, path: str) -> bytes:
        """Returns the content of a file.

        Raises:
            FileNotFoundError: if there is no such file.
        """

    def open(self, path: str) -> BinaryIO:
        """Opens a file to be read in pieces.

        Raises:
            FileNotFoundError: if there is no such file; possibly only when it is read.
        """

    def write(self, path: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """Opens a file for writing, which appears at `path` only if the block succeeds."""

    def delete(self, paths: Iterable[str]) -> None:
        """Removes files; those that do not exist are ignored."""

    def remove_tree(self, path: str) -> None:
        """Removes a file, or a folder with everything in it; does nothing if there is neither."""

    def copy(self, source: str, target: str) -> None:
        """Copies a file within the store."""

    def make_folder(self, path: str) -> None:
        """Creates a folder and its parents, if the store has folders."""


def of(path: str) -> Store:
    """Returns the store that a path belongs to."""
    scheme, separator, _ = path.partition("://")
    if not separator:
        return _Disk()
    if scheme == "gs":
        # Imported only if needed, because importing Google's client takes a second.
        from components.files import google_cloud

        return google_cloud.GoogleCloudStorage()
    return _OtherStore()


class _Disk:
    """Local disks, where folders exist independently of files and a rename is atomic."""

    def list(self, prefix: str, *, deep: bool) -> Iterator[File]:
        # Yield paths that begin exactly as the caller spelled the prefix.
        folder = prefix[: prefix.rfind("/") + 1]
        for parent, folders, names in os.walk(folder or "."):
            inside = os.path.relpath(parent, folder or ".")
            base = folder if inside == "." else f"{folder}{inside}/"
            for name in names:
                if f"{base}{name}".startswith(prefix):
                    # Files may have disappeared since they were listed.
                    with contextlib.suppress(FileNotFoundError):
                        yield File(f"{base}{name}", os.path.getsize(f"{base}{name}"))
            if not deep:
                folders.clear()

    def names(self, folder: str) -> set[str]:
        try:
            return set(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return set()

    def is_folder(self, path: str) -> bool:
        return os.path.isdir(path)

    def look(self, path: str) -> File | None:
        there = os.path.exists(path) and not os.path.isdir(path)
        return File(path, os.path.getsize(path)) if there else None

    def read(self, path: str) -> bytes:
        with open(path, "rb") as file:
            return file.read()

    def open(self, path: str) -> BinaryIO:
        return open(path, "rb")

    @contextlib.contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        temporary = f"{path}.{uuid.uuid4().hex}.partial"
        self.make_folder(os.path.dirname(path))
        try:
            with open(temporary, "wb") as file:
                yield file
            os.replace(temporary, path)
        except BaseException:
            self.delete([temporary])
            raise

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)

    def remove_tree(self, path: str) -> None:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            self.delete([path])

    def copy(self, source: str, target: str) -> None:
        self.make_folder(os.path.dirname(target))
        shutil.copyfile(source, target)

    def make_folder(self, path: str) -> None:
        if path:
            os.makedirs(path, exist_ok=True)


class _OtherStore:
    """All other filesystems that Beam supports, such as `s3://` and `hdfs://`.

    For listing and deleting, Beam interprets paths as patterns and has no way to escape them.
    """

    def list(self, prefix: str, *, deep: bool) -> Iterator[File]:
        del deep
        any_character = str.maketrans("*?[", "???")
        found = FileSystems.match([f"{prefix.translate(any_character)}**"])[0].metadata_list
        for metadata in found:
            if metadata.path.startswith(prefix) and not metadata.path.endswith("/"):
                yield File(metadata.path, metadata.size_in_bytes)

    def names(self, folder: str) -> set[str]:
        prefix = f"{folder.rstrip('/')}/"
        return {
            file.path.removeprefix(prefix).partition("/")[0]
            for file in self.list(prefix, deep=True)
        }

    def is_folder(self, path: str) -> bool:
        return bool(self.names(path))

    def look(self, path: str) -> File | None:
        return next((file for file in self.list(path, deep=False) if file.path == path), None)

    def read(self, path: str) -> bytes:
        with self.open(path) as file:
            return file.read()

    def open(self, path: str) -> BinaryIO:
        try:
            return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
        except Exception as error:
            # Each of Beam's filesystems raises another exception if the file does not exist.
            if not FileSystems.exists(path):
                raise FileNotFoundError(path) from error
            raise

    @contextlib.contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        with spooled() as file:
            yield file
            file.seek(0)
            self.make_folder(os.path.dirname(path))
            with FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as target:
                shutil.copyfileobj(file, target, 1 << 20)

    def delete(self, paths: Iterable[str]) -> None:
        paths = [path for path in paths if FileSystems.exists(path)]
        if paths:
            FileSystems.delete(paths)

    def remove_tree(self, path: str) -> None:
        below = self.list(f"{path.rstrip('/')}/", deep=True)
        self.delete([path, *(file.path for file in below)])

    def copy(self, source: str, target: str) -> None:
        self.make_folder(os.path.dirname(target))
        FileSystems.copy([source], [target])

    def make_folder(self, path: str) -> None:
        # Beam raises if the folder exists already; another worker may have created it.
        with contextlib.suppress(OSError, BeamIOError):
            FileSystems.mkdirs(path)


def spooled() -> tempfile.SpooledTemporaryFile:
    """Returns a buffer for an object that must not be visible before it is complete.

    It is kept in memory and moves to disk when it grows beyond 8 MiB.
    """
    return tempfile.SpooledTemporaryFile(max_size=8 << 20)
