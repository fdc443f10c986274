"""Keeps copies of the paragraphs from which evaluation records were made beside these records.

To compute scores, the evaluation needs the texts and their reference answers, which the records do
not contain. The copies lie in the directory of the records, so that both always belong together.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from components import files

_DIRECTORY = "paragraphs"


def pattern(records_directory: str, split: str) -> str:
    """Returns the glob pattern of the copies of a split's raw examples."""
    return files.join(files.escape(records_directory), _DIRECTORY, f"{split}-*")


def clear(records_directory: str) -> None:
    """Removes the copies of an earlier attempt, complete or not."""
    files.remove(files.join(records_directory, _DIRECTORY))


def copy(paths: Sequence[str], records_directory: str, split: str) -> None:
    """Copies the raw examples of a split into the directory of its records."""
    for path in paths:
        name = f"{split}-{os.path.basename(path)}"
        files.write_bytes(files.join(records_directory, _DIRECTORY, name), files.read_bytes(path))
