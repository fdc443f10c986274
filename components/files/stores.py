"""Where files lie, and what is particular about each place: disks, Google's buckets, and others.

Every function takes whole paths, and takes them literally: a bracket is a bracket.
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

# Outside of a pipeline there are none, and without any Beam's S3 file system refuses to work.
if FileSystems._pipeline_options is None:
    FileSystems.set_options(PipelineOptions([]))


@dataclasses.dataclass(frozen=True)
class File:
    """A file that was found; `size` is in bytes, as it lies there."""

    path: str
    size: int


class Store(Protocol):
    """A place where files lie."""

    def list(self, prefix: str, *, deep: bool) -> Iterator[File]:
        """Files whose paths begin with `prefix`, in any order; folders are none.

        Args:
            prefix: ends anywhere in a name.
            deep: whether those in folders below the prefix's folder are wanted as well; without
                it, a store may give them or not.
        """

    def names(self, folder: str) -> set[str]:
        """Names of files and folders that lie directly in a folder; empty if there is none."""

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder; where folders are beginnings of names, a name with it."""

    def look(self, path: str) -> File | None:
        """The file of this path; None if there is none, or a folder."""

    def read(self, path: str) -> bytes:
        """Content of a file.

        Raises:
            FileNotFoundError: if there is none.
        """

    def open(self, path: str) -> BinaryIO:
        """A file to read in pieces.

        Raises:
            FileNotFoundError: if there is none, perhaps only when it is read.
        """

    def write(self, path: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """A file that stands at `path` only once the block has ended without an exception."""

    def delete(self, paths: Iterable[str]) -> None:
        """Removes files; those that are not there are passed over."""

    def remove_tree(self, path: str) -> None:
        """Removes a file, or a folder and all in it; nothing happens if there is neither."""

    def copy(self, source: str, target: str) -> None:
        """Copies a file within the store."""

    def make_folder(self, path: str) -> None:
        """Makes a folder and its parents, where there are folders."""


def of(path: str) -> Store:
    """The store that a path belongs to."""
    scheme, separator, _ = path.partition("://")
    if not separator:
        return _Disk()
    if scheme == "gs":
        # Imported where needed: Google's client takes a second.
        from components.files import google_cloud

        return google_cloud.GoogleCloudStorage()
    return _OtherStore()


class _Disk:
    """Folders exist by themselves, and a rename puts a file in another's place at once."""

    def list(self, prefix: str, *, deep: bool) -> Iterator[File]:
        # Paths begin as the caller spells them.
        folder = prefix[: prefix.rfind("/") + 1]
        for parent, folders, names in os.walk(folder or "."):
            inside = os.path.relpath(parent, folder or ".")
            base = folder if inside == "." else f"{folder}{inside}/"
            for name in names:
                if f"{base}{name}".startswith(prefix):
                    # Files may disappear in the meantime.
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
    """Whatever else Beam knows: `s3://`, `hdfs://` and the like.

    Beam takes the paths that it lists and deletes for patterns, and has no way to quote them.
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
            # Each of Beam's filesystems says in its own way that there is nothing.
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
        # Beam raises where it is there already, perhaps by another worker.
        with contextlib.suppress(OSError, BeamIOError):
            FileSystems.mkdirs(path)


def spooled() -> tempfile.SpooledTemporaryFile:
    """Where an object is gathered that must not be seen before it is whole: memory, then disk."""
    return tempfile.SpooledTemporaryFile(max_size=8 << 20)
