"""Resolves the file patterns of a configuration against the data root."""

from __future__ import annotations

from components import files


def resolve(data_root: str, pattern: str) -> str:
    """Returns the pattern below the data root; absolute patterns are returned unchanged.

    The data root is taken literally: wildcard characters in its name are escaped.
    """
    if pattern.startswith("/") or "://" in pattern:
        return pattern
    return files.join(files.escape(data_root), pattern)
