"""Folders in which TFX's own code looks for files by a pattern that begins with their name.

Its ExampleGen driver and its StatisticsGen have no way to quote a name: `v[12]` would be `v1` and
`v2` to them. What this project reads by itself takes names as they are (`components.files`).
"""

from __future__ import annotations

from components import files


def check(folder: str, *, setting: str) -> None:
    """Refuses a folder whose name TFX would take for a pattern.

    Args:
        folder: where it lies.
        setting: that names it.

    Raises:
        ValueError: with what to do.
    """
    if files.escape(folder) != folder:
        raise ValueError(
            f"{setting} is {folder!r}; TFX takes *, ? and [ in a folder's name for a pattern and "
            "would read other folders, or none. Give a folder without them."
        )
