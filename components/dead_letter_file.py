"""Dead letters as they are written: a file per piece of work, if there are any at all."""

from __future__ import annotations

import collections
import contextlib
import json
import posixpath
from collections.abc import Iterator
from typing import Any, BinaryIO

from components import files
from components.dead_letters import DEAD_LETTERS_DIRECTORY, NUM_SHOWN, DeadLetter

# Of each file, and of each detail, a message looks at so much.
_MAX_SHOWN_BYTES = 1 << 16
_MAX_DETAIL = 300
_TFX_SYSTEM = "/.system/"


class DeadLetterFile:
    """A context manager; the file stands only once the block has ended without an exception.

    Attributes:
        counts: dead letters so far, by reason.
        lost: sum of their weights.

    Args:
        path: where it goes. It should follow from the place in the input, so that a repeated run
            writes the same file.
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
        """Writes and counts one."""
        if self._file is None:
            self._file = self._stack.enter_context(files.open_atomically(self._path))
        self._file.write(letter.to_json().encode() + b"\n")
        self.counts[letter.reason] += 1
        self.lost += letter.weight


def first(directory: str, prefix: str = "", *, number: int = NUM_SHOWN) -> list[str]:
    """The first dead letters of a component, a sentence each, for a message.

    Args:
        directory: `dead_letters/` of its output.
        prefix: of the names of the files to look at.
        number: at most so many.
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
                # What was cut off at the end is no JSON.
                letter = json.loads(line)
                detail = f" ({letter['detail'][:_MAX_DETAIL]})" if letter["detail"] else ""
                found.append(
                    f"{letter['source']}, {_place(letter['position'])}: {letter['reason']}{detail}"
                )
    return found


@contextlib.contextmanager
def kept_on_failure(directory: str, kept: str | None) -> Iterator[None]:
    """Copies dead letters to where they outlive the run, if the block ends with a ValueError.

    An orchestrator removes the output of a component that failed, and the dead letters with it.

    Args:
        directory: of the output, beside whose splits they lie.
        kept: where they should lie then; None leaves them.
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
    """Where a component's dead letters outlive its failure; None if they may stay where they are.

    Args:
        context: of TFX's executor. Orchestrators that remove outputs give it a
            `stateful_working_dir`, `<node>/.system/stateful_working_dir/<id>`.
        directory: of the output, whose last part numbers the execution.
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
