"""How documents get from the workers that tokenise them to the worker that builds their shard.

Both ways send pairs of a shard and some bytes through Beam's grouping. A runner with workers on
other machines has a shuffle, which is made to move and store that much: there, the bytes are the
documents themselves. The local runner would hold them all in the memory of one process. For it,
each block of documents is written to a file on this machine's disk, and the bytes say where in that
file the documents of the shard are.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable, Iterator
from typing import Protocol

import apache_beam as beam

from components import beam_workers, files
from components.preprocessing.pretraining.blocks import ShardKey

# The offset and the length of a section; the path of its file follows.
_POSITION = struct.Struct("<QQ")


class Exchange(Protocol):
    """Moves sections, which are the parts of a block that belong to one shard each."""

    def send(self, block: Iterable[tuple[ShardKey, bytes]]) -> Iterator[tuple[ShardKey, bytes]]:
        """Takes the sections of a block; yields what goes through Beam's grouping for each."""

    def receive(self, sent: bytes) -> bytes:
        """Returns the section that `send` was given."""


# ruff: noqa: D102  (the methods are documented in `Exchange`)


class ThroughRunner:
    """Leaves moving sections to the runner. No file is written or read."""

    def send(self, block: Iterable[tuple[ShardKey, bytes]]) -> Iterator[tuple[ShardKey, bytes]]:
        yield from block

    def receive(self, sent: bytes) -> bytes:
        return sent


class ThroughFiles:
    """Writes each block to a file in a folder that all workers share."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def send(self, block: Iterable[tuple[ShardKey, bytes]]) -> Iterator[tuple[ShardKey, bytes]]:
        # The random name does not affect the result. A bundle that is run again writes another
        # file.
        path = files.join(self._folder, f"block-{uuid.uuid4().hex}")
        positions = []
        with files.open_atomically(path) as file:
            offset = 0
            for key, section in block:
                file.write(section)
                positions.append((key, _POSITION.pack(offset, len(section)) + path.encode()))
                offset += len(section)
        yield from positions

    def receive(self, sent: bytes) -> bytes:
        offset, num_bytes = _POSITION.unpack_from(sent)
        path = sent[_POSITION.size :].decode()
        with files.open_to_read(path) as file:
            file.seek(offset)
            section = file.read(num_bytes)
        if len(section) != num_bytes:
            raise EOFError(
                f"{path} is shorter than it was written. Something else removed or changed "
                "the working directory of this run; run it again."
            )
        return section


def suited_to(pipeline: beam.Pipeline, *, folder: str) -> Exchange:
    """Returns the exchange for a pipeline's runner.

    Args:
        pipeline: the pipeline.
        folder: folder on this machine's disk, for runners whose workers are here.
    """
    return ThroughFiles(folder) if beam_workers.are_local(pipeline) else ThroughRunner()
