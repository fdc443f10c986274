"""Refuses folder names that would be misread: as glob patterns, or as nothing.

TFX's ExampleGen driver and its StatisticsGen look for files with a pattern that begins with the
name of a folder, and cannot quote it: they would read `v[12]` as `v1` and `v2`. Our own code takes
names literally (`components.files`).
"""

from __future__ import annotations

from components import files


def check(folder: str, *, setting: str) -> None:
    """Raises an error if the path of a folder would be taken for something else.

    Args:
        folder: path of the folder.
        setting: name of the setting that holds the path, for the message.

    Raises:
        ValueError: if the path is empty, begins with `~` or contains special characters; the
            message says what to do.
    """
    if not folder:
        raise ValueError(f"{setting} is empty; give a folder, such as runs/mine.")
    check_home(folder, setting=setting)
    if files.escape(folder) != folder:
        raise ValueError(
            f"{setting} is {folder!r}; TFX takes *, ? and [ in a folder's name for a pattern and "
            "would read other folders, or none. Give a folder without them."
        )


def check_home(folder: str, *, setting: str) -> None:
    """Raises a `ValueError` if a path begins with `~`, which would be a folder of that name."""
    if folder.startswith("~"):
        raise ValueError(
            f"{setting} is {folder!r}; only shells replace ~ by a home folder. Give the whole path."
        )
