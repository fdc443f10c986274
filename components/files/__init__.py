"""Files and folders, local, `gs://` and wherever else Beam reaches: found, read, written, removed.

All that is particular about buckets is known here and in the modules below; nothing else in the
project lists, globs, renames or deletes (`tests/test_files_only_here.py`).

Paths are names: a bracket in a folder's name is a bracket. A pattern is only what a user gave as
one, or what `all_in` made.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO

from apache_beam.io.filesystem import FileSystem
from apache_beam.io.filesystems import FileSystems

from components.files import stores
from components.files.stores import File

# Names of a set of examples' folders, as TFX has them.
_SPLIT_PREFIX = "Split-"
# A name's part without wildcards; `escape` writes a wildcard in brackets.
_LITERAL = re.compile(r"(?:[^*?\[]|\[[*?\[]\])*")
_ESCAPED = re.compile(r"\[([*?\[])\]")


class NoSuchFilesError(FileNotFoundError):
    """A pattern that matched nothing; the message names the pattern and what it was for."""


def escape(path: str) -> str:
    """A pattern that matches this path and no other."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def all_in(folder: str) -> str:
    """A pattern of the files that lie directly in a folder."""
    return join(escape(folder), "*")


def match(pattern: str) -> list[File]:
    """Files that match a glob pattern, sorted by path; folders are none.

    Args:
        pattern: `*` and `?` stop at slashes, `**` does not, `[ab]` is one of these characters.
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
    whole = re.compile(
        re.escape(prefix) + FileSystem.translate_pattern(rest).replace("(?ms)", "", 1), re.M | re.S
    )
    found = store.list(prefix, deep="/" in rest or "**" in rest)
    return sorted((file for file in found if whole.match(file.path)), key=lambda file: file.path)


def expand(pattern: str, *, purpose: str = "input files") -> list[str]:
    """Paths that match a glob pattern, sorted.

    Raises:
        NoSuchFilesError: if nothing matches.
    """
    return [file.path for file in find(pattern, purpose=purpose)]


def find(pattern: str, *, purpose: str = "input files") -> list[File]:
    """As `match`.

    Raises:
        NoSuchFilesError: if nothing matches.
    """
    found = match(pattern)
    if not found:
        raise _nothing(pattern, purpose)
    return found


def in_folder(folder: str, *, purpose: str = "input files") -> list[str]:
    """Paths of the files that lie directly in a folder, sorted.

    Raises:
        NoSuchFilesError: if there are none.
    """
    return expand(all_in(folder), purpose=purpose)


def names(folder: str) -> set[str]:
    """Names of files and folders that lie directly in a folder; empty if there is none."""
    return stores.of(folder).names(folder)


def exists(path: str) -> bool:
    """Whether there is such a file; a folder is none."""
    return stores.of(path).look(path) is not None


def is_folder(path: str) -> bool:
    """Whether there is such a folder; in a bucket, whether anything lies in it."""
    return stores.of(path).is_folder(path)


def split_names(directory: str) -> list[str]:
    """Splits of a set of examples, `<directory>/Split-<name>/`; an empty list if there are none."""
    return sorted(
        name.removeprefix(_SPLIT_PREFIX)
        for name in names(directory)
        if name.startswith(_SPLIT_PREFIX)
    )


def read_bytes(path: str, *, max_bytes: int | None = None) -> bytes:
    """Content of a file as it lies there, not decompressed.

    Raises:
        NoSuchFilesError: if there is no such file.
        ValueError: if it holds more than `max_bytes`.
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
    """A file as it lies there, not decompressed, read in pieces and in any order.

    Raises:
        NoSuchFilesError: if there is no such file.
    """
    try:
        return stores.of(path).open(path)
    except FileNotFoundError as error:
        raise _nothing(path, purpose) from error


def sha256(content: bytes) -> str:
    """Hexadecimal digest, as manifests record it."""
    return hashlib.sha256(content).hexdigest()


def open_atomically(path: str) -> AbstractContextManager[BinaryIO]:
    """A binary file that stands at `path` only once the block has ended without an exception."""
    return stores.of(path).write(path)


def write_bytes(path: str, content: bytes) -> None:
    """Writes a file whole or not at all."""
    with open_atomically(path) as file:
        file.write(content)


def remove(*paths: str) -> None:
    """Removes files, and folders with everything in them, in this order; what is not there is no
    error.
    """
    for path in paths:
        stores.of(path).remove_tree(path)


def remove_leftovers(folder: str) -> None:
    """Removes what killed workers left unfinished among the files of a folder.

    TFX's readers take whatever lies there.
    """
    store = stores.of(folder)
    store.delete(file.path for file in match(join(escape(folder), "*.partial")))


def copy_tree(source: str, target: str, *, last: str | None = None) -> int:
    """Copies all files below a folder, in the order of their paths; returns their number.

    Args:
        source: folder.
        target: likewise.
        last: path below `source` of the file that makes the copy complete; it is copied last.
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
    """A folder of this machine to write into; its files stand in `folder` when the block has ended.

    TensorFlow writes checkpoints and models under other names, renames, and asks for each folder:
    some 25 requests for two files in a bucket. Copied from a disk they are one each, in the order
    of their names, so that a checkpoint's index comes after its data. On a disk it is `folder`.
    """
    if "://" not in folder:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="xlnet-") as local:
        yield local
        copy_tree(local, folder)


def make_directory(path: str) -> None:
    """Creates a directory and its parents where there are directories."""
    stores.of(path).make_folder(path)


def join(base: str, *parts: str) -> str:
    """Joins path parts with the separator of the base's filesystem."""
    return FileSystems.join(base, *parts)


def _nothing(pattern: str, purpose: str) -> NoSuchFilesError:
    return NoSuchFilesError(
        f"No file matches {pattern!r} ({purpose}). Check the path, and that this machine or "
        "service account may read it."
    )
