"""The curves of the training that a model comes from, for the report."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.types import artifact_utils

from components import files


def read(input_dict: dict[str, list[types.Artifact]]) -> list[dict[str, Any]]:
    """Points of the curves in the artifact "model_run"; none if there is no such artifact."""
    if not input_dict.get("model_run"):
        return []
    run = artifact_utils.get_single_uri(input_dict["model_run"])
    path = files.join(run, "history", "history.jsonl")
    try:
        lines = files.read_bytes(path).decode("utf-8").splitlines()
    except files.NoSuchFilesError:
        return []
    return [json.loads(line) for line in lines]
