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

NO_TARGET = -1


@dataclasses.dataclass(frozen=True)
class File:
    """A file that was found.

    Attributes:
        path: full path of the file.
        size: size in bytes, as stored; for a compressed file, its compressed size. `NO_TARGET` for
            a link to a file that does not exist.
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
    # Imported only if needed, because importing Google's client and Beam takes seconds.
    if scheme == "gs":
        from components.files import google_cloud

        return google_cloud.GoogleCloudStorage()
    from components.files import beam_store

    return beam_store.BeamStore()


class _Disk:
    """Local disks, where folders exist independently of files and a rename is atomic."""

    def list(self, prefix: str, *, deep: bool) -> Iterator[File]:
        # Yield paths that begin exactly as the caller spelled the prefix.
        folder = prefix[: prefix.rfind("/") + 1]
        yield from self._walk(folder, prefix, deep=deep, above=())

    def _walk(
        self, folder: str, prefix: str, *, deep: bool, above: tuple[os.stat_result, ...]
    ) -> Iterator[File]:
        # Files and folders may disappear while they are listed.
        try:
            here = os.stat(folder or ".")
            entries = list(os.scandir(folder or "."))
        except (FileNotFoundError, NotADirectoryError):
            return
        if any(os.path.samestat(here, other) for other in above):
            # A link to a folder that it is in.
            return
        for entry in entries:
            path = f"{folder}{entry.name}"
            if entry.is_dir():
                if deep:
                    yield from self._walk(f"{path}/", prefix, deep=True, above=(*above, here))
            elif path.startswith(prefix):
                try:
                    yield File(path, entry.stat().st_size)
                except FileNotFoundError:
                    if entry.is_symlink():
                        yield File(path, NO_TARGET)

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


def spooled() -> tempfile.SpooledTemporaryFile:
    """Returns a buffer for an object that must not be visible before it is complete.

    It is kept in memory and moves to disk when it grows beyond 8 MiB.
    """
    return tempfile.SpooledTemporaryFile(max_size=8 << 20)
