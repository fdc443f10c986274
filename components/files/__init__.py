"""Finds, reads, writes and removes files: local, in `gs://`, and wherever else Beam can reach.

Everything specific to buckets is dealt with here and in the modules of this folder. No other code
in the project lists, globs, renames or deletes files (`tests/test_files_only_here.py`).

Paths are taken literally: a bracket in the name of a folder is a bracket. The only patterns are
those that a user gave as such and those that `all_in` returns.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO

from components.files import glob_patterns, stores
from components.files.stores import File

# TFX's names for the folders of splits begin with this.
_SPLIT_PREFIX = "Split-"
# The beginning of a pattern up to the first wildcard that `escape` has not put in brackets.
_LITERAL = re.compile(r"(?:[^*?\[]|\[[*?\[]\])*")
_ESCAPED = re.compile(r"\[([*?\[])\]")


class NoSuchFilesError(FileNotFoundError):
    """A pattern or path matches no file; the message names it and what it is for."""


def escape(path: str) -> str:
    """Returns a pattern that matches this path and no other."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def all_in(folder: str) -> str:
    """Returns a pattern that matches all files directly in a folder."""
    return join(escape(folder), "*")


def match(pattern: str) -> list[File]:
    """Returns the files (not folders) that match a glob pattern, sorted by path.

    Args:
        pattern: glob pattern; `*` and `?` do not match slashes, `**` does, and `[ab]` matches one
            of these characters.

    Raises:
        NoSuchFilesError: if a link to a file that does not exist matches.
        ValueError: if it is no pattern.
    """
    literal = _LITERAL.match(pattern)[0]
    prefix = _ESCAPED.sub(r"\1", literal)
    rest = pattern[len(literal) :]
    store = stores.of(pattern)
    if not rest:
        file = store.look(prefix)
        return [] if file is None else [file]
    if prefix.endswith("://"):
        raise ValueError(f"{pattern} begins with a pattern; the bucket must be named.")
    try:
        whole = re.compile(re.escape(prefix) + glob_patterns.to_expression(rest), re.S)
    except re.error as error:
        raise ValueError(f"{pattern!r} cannot be used as a pattern for files: {error}.") from error
    found = store.list(prefix, deep="/" in rest or "**" in rest)
    files = [file for file in found if whole.fullmatch(file.path)]
    for file in files:
        if file.size == stores.NO_TARGET:
            raise NoSuchFilesError(
                f"{file.path} is a link to a file that does not exist; put the file in its place, "
                "or remove the link."
            )
    return sorted(files, key=lambda file: file.path)


def expand(pattern: str, *, purpose: str = "input files") -> list[str]:
    """Returns the paths of the files that match a glob pattern, sorted.

    Args:
        pattern: glob pattern; see `match`.
        purpose: what the files are for; used in the error message.

    Raises:
        NoSuchFilesError: if nothing matches.
    """
    return [file.path for file in find(pattern, purpose=purpose)]


def find(pattern: str, *, purpose: str = "input files") -> list[File]:
    """Does the same as `match`, but requires that there are such files.

    Raises:
        NoSuchFilesError: if nothing matches.
    """
    found = match(pattern)
    if not found:
        raise _nothing(pattern, purpose)
    return found


def in_folder(folder: str, *, purpose: str = "input files") -> list[str]:
    """Returns the paths of the files directly in a folder, sorted.

    Raises:
        NoSuchFilesError: if there are none.
    """
    return expand(all_in(folder), purpose=purpose)


def names(folder: str) -> set[str]:
    """Returns the names of files and folders directly in a folder; empty if it does not exist."""
    return stores.of(folder).names(folder)


def exists(path: str) -> bool:
    """Whether there is a file with this path; False for a folder."""
    return stores.of(path).look(path) is not None


def is_folder(path: str) -> bool:
    """Whether there is a folder with this path; in a bucket, whether there is anything in it."""
    return stores.of(path).is_folder(path)


def split_names(directory: str) -> list[str]:
    """Returns the sorted names of the splits in a directory, from its folders `Split-<name>/`."""
    return sorted(
        name.removeprefix(_SPLIT_PREFIX)
        for name in names(directory)
        if name.startswith(_SPLIT_PREFIX)
    )


def read_bytes(path: str, *, max_bytes: int | None = None) -> bytes:
    """Returns the content of a file exactly as stored, without decompressing it.

    Raises:
        NoSuchFilesError: if there is no such file.
        ValueError: if the file is larger than `max_bytes`.
    """
    try:
        if max_bytes is None:
            return stores.of(path).read(path)
        with stores.of(path).open(path) as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise _nothing(path, "a file to read") from error
    if len(content) > max_bytes:
        raise ValueError(f"{path} is larger than the {max_bytes:,} bytes that are allowed here.")
    return content


def open_to_read(path: str, *, purpose: str = "a file to read") -> BinaryIO:
    """Opens a file for reading in pieces and in any order, without decompressing it.

    Raises:
        NoSuchFilesError: if there is no such file.
    """
    try:
        return stores.of(path).open(path)
    except FileNotFoundError as error:
        raise _nothing(path, purpose) from error


def sha256(content: bytes) -> str:
    """Returns the SHA-256 digest of the content in hexadecimal, as manifests record it."""
    return hashlib.sha256(content).hexdigest()


def open_atomically(path: str) -> AbstractContextManager[BinaryIO]:
    """Opens a binary file for writing, which appears at `path` only if the block succeeds.

    Use it as a context manager. If the block raises, nothing is written to `path`.
    """
    return stores.of(path).write(path)


def write_bytes(path: str, content: bytes) -> None:
    """Writes a file whole or not at all."""
    with open_atomically(path) as file:
        file.write(content)


def remove(*paths: str) -> None:
    """Removes files, and folders with everything in them, in this order.

    Paths that do not exist are ignored.
    """
    for path in paths:
        stores.of(path).remove_tree(path)


def remove_leftovers(folder: str) -> None:
    """Removes unfinished files that killed workers have left in a folder.

    This is necessary because TFX's readers read every file in the folder.
    """
    store = stores.of(folder)
    store.delete(file.path for file in match(join(escape(folder), "*.partial")))


def copy_tree(source: str, target: str, *, last: str | None = None) -> int:
    """Copies all files below a folder, in the order of their paths; returns their number.

    Args:
        source: folder to copy.
        target: folder to copy into.
        last: path, relative to `source`, of the file whose presence marks the copy as complete; it
            is copied last.
    """
    prefix = source.rstrip("/") + "/"
    store = stores.of(source)
    paths = [file.path for file in store.list(prefix, deep=True)]
    paths.sort(key=lambda path: (path == f"{prefix}{last}", path))
    same = type(store) is type(stores.of(target))
    for path in paths:
        copy = join(target, path.removeprefix(prefix))
        if same:
            store.copy(path, copy)
        else:
            with store.open(path) as file, open_atomically(copy) as written:
                while piece := file.read(1 << 20):
                    written.write(piece)
    return len(paths)


@contextlib.contextmanager
def gathered(folder: str) -> Iterator[str]:
    """Provides a local folder to write into, whose files are in `folder` after the block.

    If `folder` is local, it is used directly. For a bucket, files are collected on disk and copied
    when the block has ended. TensorFlow writes checkpoints and models under temporary names,
    renames them, and looks up every folder, which takes some 25 requests for two files in a bucket.
    Copying takes one request per file. Files are copied in the order of their names, so that a
    checkpoint's index comes after its data.
    """
    if "://" not in folder:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="xlnet-") as local:
        yield local
        copy_tree(local, folder)


@contextlib.contextmanager
def on_this_machine(folder: str) -> Iterator[str]:
    """Provides a folder for files that only processes of this machine exchange with each other.

    This is `folder` itself if it is local; whoever it belongs to removes it. For a bucket, where
    every such file would cost requests, it is a temporary folder, which is removed after the block.
    """
    if "://" not in folder:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="xlnet-") as local:
        yield local


def make_directory(path: str) -> None:
    """Creates a directory and its parents; does nothing in stores that have no directories."""
    stores.of(path).make_folder(path)


def join(base: str, *parts: str) -> str:
    """Joins parts of a path with the separator of the filesystem that `base` belongs to."""
    if "://" not in base:
        return os.path.join(base, *parts)
    return "/".join([base.rstrip("/"), *(part.strip("/") for part in parts[:-1]), *parts[-1:]])


def _nothing(pattern: str, purpose: str) -> NoSuchFilesError:
    return NoSuchFilesError(
        f"No file matches {pattern!r} ({purpose}). Check the path, and that this machine or "
        "service account may read it."
    )
