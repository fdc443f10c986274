"""Refuses folder names that TFX would misread as glob patterns.

TFX's ExampleGen driver and its StatisticsGen look for files with a pattern that begins with the
name of a folder, and cannot quote it: they would read `v[12]` as `v1` and `v2`. Our own code takes
names literally (`components.files`).
"""

from __future__ import annotations

from components import files


def check(folder: str, *, setting: str) -> None:
    """Raises an error if TFX would take the path of a folder for a pattern.

    Args:
        folder: path of the folder.
        setting: name of the setting that holds the path, for the message.

    Raises:
        ValueError: if the path contains special characters; the message says what to do.
    """
    if files.escape(folder) != folder:
        raise ValueError(
            f"{setting} is {folder!r}; TFX takes *, ? and [ in a folder's name for a pattern and "
            "would read other folders, or none. Give a folder without them."
        )
