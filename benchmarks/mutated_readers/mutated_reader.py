"""What is known of a reader whose files are damaged."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# How many items a file holds, and what became of them; None where nobody can count them.
Counted = tuple[int, int] | None


def _as_it_is(content: bytes) -> bytes:
    return content


@dataclasses.dataclass(frozen=True)
class Seed:
    """A file that is read as it is.

    Attributes:
        name: of the file, with its folders.
        content: what is damaged.
        pack: makes the file of it.
        beside: files in the same folder, by name.
    """

    name: str
    content: bytes
    pack: Callable[[bytes], bytes] = _as_it_is
    beside: Mapping[str, bytes] = dataclasses.field(default_factory=dict)

    @property
    def is_packed(self) -> bool:
        """Whether the file is more than its content."""
        return self.pack is not _as_it_is


@dataclasses.dataclass(frozen=True)
class MutatedReader:
    """A reader and what it may do.

    Attributes:
        name: of the reader.
        seeds: makes the files that are damaged.
        read: reads one of them to its end.
        errors: of its own.
        names_file: whether an error's message has the file's name.
    """

    name: str
    seeds: Callable[[], Sequence[Seed]]
    read: Callable[[pathlib.Path], Counted]
    errors: tuple[type[Exception], ...]
    names_file: bool = True


def as_json(value: Any) -> bytes:
    """Returns a value as one line of JSON."""
    return json.dumps(value, ensure_ascii=False).encode()


def read_with(
    function: Callable[[str], Any], *, of_folder: bool = False
) -> Callable[[pathlib.Path], Counted]:
    """Reads with a function that takes a file's path, or its folder's."""

    def read(path: pathlib.Path) -> Counted:
        function(str(path.parent if of_folder else path))
        return None

    return read


def one(name: str, value: Any) -> Callable[[], list[Seed]]:
    """Makes a file that holds one JSON value, on one line and on many."""
    return lambda: [Seed(name, as_json(value)), Seed(name, json.dumps(value, indent=1).encode())]
