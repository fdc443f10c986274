"""Reads the JSON files of a Hugging Face folder."""

from __future__ import annotations

import json
from typing import Any

from components import files, git_lfs
from components.checkpoint_conversion.errors import WeightsError


def read(path: str, *, what: str, max_bytes: int) -> Any:
    """Returns the content of a JSON file.

    Args:
        path: path of the file.
        what: what the file should be, for messages, such as "configuration".
        max_bytes: size that such a file never has.

    Raises:
        components.files.NoSuchFilesError: if the file does not exist.
        WeightsError: if it is damaged.
    """
    try:
        content = files.read_bytes(path, max_bytes=max_bytes)
        if git_lfs.is_pointer(content):
            raise WeightsError(f"{path} is no {what}. {git_lfs.HINT}")
        return json.loads(content)
    except WeightsError:
        raise
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is not readable as JSON: {error}") from error
