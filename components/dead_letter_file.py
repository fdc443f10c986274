"""Dead letters as they are written: a file per piece of work, if there are any at all."""

from __future__ import annotations

import collections
import contextlib
from typing import Any, BinaryIO

from components import files
from components.dead_letters import DeadLetter


class DeadLetterFile:
    """A context manager; the file stands only once the block has ended without an exception.

    Attributes:
        counts: dead letters so far, by reason.

    Args:
        path: where it goes. It should follow from the place in the input, so that a repeated run
            writes the same file.
    """

    def __init__(self, path: str) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self._path = path
        self._stack = contextlib.ExitStack()
        self._file: BinaryIO | None = None

    def __enter__(self) -> DeadLetterFile:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def add(self, letter: DeadLetter) -> None:
        """Writes and counts one."""
        if self._file is None:
            self._file = self._stack.enter_context(files.open_atomically(self._path))
        self._file.write(letter.to_json().encode() + b"\n")
        self.counts[letter.reason] += 1
