"""Files through Beam's filesystem layer: local paths, `gs://` and whatever else Beam knows.

Outputs appear whole or not at all: they are written under a temporary name and renamed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterator
from typing import BinaryIO

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

# Outside of a pipeline there are none, and without any Beam's S3 file system refuses to work.
if FileSystems._pipeline_options is None:
    FileSystems.set_options(PipelineOptions([]))


class NoSuchFilesError(FileNotFoundError):
    """A pattern that matched nothing; the message names the pattern and what it was for."""


def expand(pattern: str, *, purpose: str = "input files") -> list[str]:
    """Paths that match a glob pattern, sorted.

    Raises:
        NoSuchFilesError: if nothing matches.
    """
    matches = FileSystems.match([pattern])[0].metadata_list
    if not matches:
        raise NoSuchFilesError(
            f"No file matches {pattern!r} ({purpose}). Check the path, and that this machine or "
            "service account may read it."
        )
    return sorted(metadata.path for metadata in matches)


def split_names(directory: str) -> list[str]:
    """Splits of a set of examples, `<directory>/Split-<name>/`; an empty list if there are none."""
    prefix = join(directory, "Split-")
    found = FileSystems.match([f"{prefix}*/*"])[0].metadata_list
    return sorted({metadata.path[len(prefix) :].partition("/")[0] for metadata in found})


def read_bytes(path: str, *, max_bytes: int | None = None) -> bytes:
    """Content of a file as it lies there, not decompressed.

    Raises:
        NoSuchFilesError: if there is no such file.
        ValueError: if it holds more than `max_bytes`.
    """
    expand(path, purpose="a file to read")
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        content = file.read() if max_bytes is None else file.read(max_bytes + 1)
    if max_bytes is not None and len(content) > max_bytes:
        raise ValueError(f"{path} is larger than the {max_bytes:,} bytes that are allowed here.")
    return content


def sha256(content: bytes) -> str:
    """Hexadecimal digest, as manifests record it."""
    return hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def open_atomically(path: str) -> Iterator[BinaryIO]:
    """A binary file that stands at `path` only once the block has ended without an exception."""
    temporary = f"{path}.{uuid.uuid4().hex}.partial"
    make_directory(os.path.dirname(path))
    try:
        with FileSystems.create(temporary, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            yield file
    except BaseException:
        if FileSystems.exists(temporary):
            FileSystems.delete([temporary])
        raise
    if FileSystems.exists(path):
        # Beam's rename refuses an existing target on some filesystems.
        FileSystems.delete([path])
    FileSystems.rename([temporary], [path])


def write_bytes(path: str, content: bytes) -> None:
    """Writes a file whole or not at all."""
    with open_atomically(path) as file:
        file.write(content)


def make_directory(path: str) -> None:
    """Creates a directory and its parents where the filesystem has directories."""
    if path and not FileSystems.exists(path):
        # Beam raises an IOError where another worker was faster.
        with contextlib.suppress(OSError):
            FileSystems.mkdirs(path)


def join(base: str, *parts: str) -> str:
    """Joins path parts with the separator of the base's filesystem."""
    return FileSystems.join(base, *parts)
