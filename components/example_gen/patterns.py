"""Where the file patterns of a configuration look."""

from __future__ import annotations

from components import files


def resolve(data_root: str, pattern: str) -> str:
    """A pattern's place below the data root, whose name is no pattern; absolute ones stay as they
    are.
    """
    if pattern.startswith("/") or "://" in pattern:
        return pattern
    return files.join(files.escape(data_root), pattern)
