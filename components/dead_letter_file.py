"""Writes dead letters to files, and reads the first ones back for error messages.

Each piece of work (such as one input file) has a dead-letter file of its own, which is only created
if there are dead letters. `dead_letters.py` defines what a dead letter is.
"""

from __future__ import annotations

import collections
import contextlib
import json
import posixpath
from collections.abc import Iterator
from typing import Any, BinaryIO

from components import files
from components.dead_letters import DEAD_LETTERS_DIRECTORY, NUM_SHOWN, DeadLetter

# An error message uses at most this many bytes of each file and characters of each detail.
_MAX_SHOWN_BYTES = 1 << 16
_MAX_DETAIL = 300
_TFX_SYSTEM = "/.system/"


class DeadLetterFile:
    """Collects the dead letters of one piece of work.

    Use it as a context manager. The file appears at its path only when the block ends without an
    exception.

    Attributes:
        counts: number of dead letters so far, by reason.
        lost: sum of the weights of these dead letters.

    Args:
        path: path of the file. Derive it from the place in the input, so that a repeated run writes
            the same file.
    """

    def __init__(self, path: str) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self.lost = 0
        self._path = path
        self._stack = contextlib.ExitStack()
        self._file: BinaryIO | None = None

    def __enter__(self) -> DeadLetterFile:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def add(self, letter: DeadLetter) -> None:
        """Writes and counts one dead letter."""
        if self._file is None:
            self._file = self._stack.enter_context(files.open_atomically(self._path))
        self._file.write(letter.to_json().encode() + b"\n")
        self.counts[letter.reason] += 1
        self.lost += letter.weight


def first(directory: str, prefix: str = "", *, number: int = NUM_SHOWN) -> list[str]:
    """Describes the first dead letters of a component in one sentence each, for an error message.

    Args:
        directory: the directory `dead_letters/` in the component's output.
        prefix: only files whose names begin with this are read.
        number: maximum number of dead letters to describe.
    """
    try:
        paths = files.expand(files.join(directory, f"{prefix}*.jsonl"), purpose="dead letters")
    except files.NoSuchFilesError:
        return []
    found: list[str] = []
    for path in paths:
        with files.open_to_read(path) as file:
            beginning = file.read(_MAX_SHOWN_BYTES)
        for line in beginning.splitlines():
            if len(found) == number:
                return found
            with contextlib.suppress(ValueError):
                # The last line may be cut off, and then it is not valid JSON.
                letter = json.loads(line)
                detail = f" ({letter['detail'][:_MAX_DETAIL]})" if letter["detail"] else ""
                found.append(
                    f"{letter['source']}, {_place(letter['position'])}: {letter['reason']}{detail}"
                )
    return found


@contextlib.contextmanager
def kept_on_failure(directory: str, kept: str | None) -> Iterator[None]:
    """Copies dead letters to a place where they outlive the run if the block raises a ValueError.

    This is needed because an orchestrator removes the output of a failed component, and the dead
    letters with it.

    Args:
        directory: output directory of the component, which contains `dead_letters/`.
        kept: directory to copy the dead letters to; None leaves them where they are.
    """
    try:
        yield
    except ValueError:
        if kept is not None:
            for path in _all(files.join(directory, DEAD_LETTERS_DIRECTORY)):
                files.write_bytes(
                    files.join(kept, posixpath.basename(path)), files.read_bytes(path)
                )
        raise


def place_to_keep(context: Any, directory: str) -> str | None:
    """Returns a directory in which dead letters outlive a failure of the component.

    Args:
        context: context of the TFX executor. Orchestrators that remove outputs set its
            `stateful_working_dir` to `<node>/.system/stateful_working_dir/<id>`.
        directory: output directory of the component; its last part is the number of the execution.

    Returns:
        The directory, or None if the dead letters can stay where they are.
    """
    state = getattr(context, "stateful_working_dir", None) or ""
    node, found, _ = state.partition(_TFX_SYSTEM)
    if not found:
        return None
    return files.join(node, DEAD_LETTERS_DIRECTORY, posixpath.basename(directory.rstrip("/")))


def _all(directory: str) -> list[str]:
    try:
        return files.expand(files.join(directory, "*.jsonl"), purpose="dead letters")
    except files.NoSuchFilesError:
        return []


def _place(position: str) -> str:
    return f"line {position}" if position.isdecimal() else position
