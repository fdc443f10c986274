"""The paragraphs that evaluation records were made of, kept beside them.

Scores need the texts and their reference answers, which no record holds. Copies of the raw examples
lie in the records' own directory, so that both always belong together.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from components import files

_DIRECTORY = "paragraphs"


def pattern(records_directory: str, split: str) -> str:
    """Glob pattern of the copies of a split's raw examples."""
    return files.join(files.escape(records_directory), _DIRECTORY, f"{split}-*")


def clear(records_directory: str) -> None:
    """Removes the copies of an earlier attempt, whole or not."""
    files.remove(files.join(records_directory, _DIRECTORY))


def copy(paths: Sequence[str], records_directory: str, split: str) -> None:
    """Copies raw examples of a split beside its records."""
    for path in paths:
        name = f"{split}-{os.path.basename(path)}"
        files.write_bytes(files.join(records_directory, _DIRECTORY, name), files.read_bytes(path))
