"""Access to all other filesystems that Beam supports, such as `s3://` and `hdfs://`.

For listing and deleting, Beam interprets paths as patterns and has no way to escape them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from components.files.stores import File, spooled

# Beam's S3 filesystem does not work without pipeline options, which are not set outside a pipeline.
if FileSystems._pipeline_options is None:
    FileSystems.set_options(PipelineOptions([]))


# ruff: noqa: D102  (the methods are documented in `stores.Store`)


class BeamStore:
    """The store for all other addresses; for its methods see `stores.Store`."""

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
