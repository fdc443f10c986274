"""Writes the file with which a task returns the metadata of its outputs to the backend.

Kubeflow's launcher parses this file strictly (an unknown field fails the task), takes any address
in it for the output's new address, and refuses null. Source: kubeflow/pipelines 2.17,
backend/src/v2/component/launcher_v2.go and backend/src/v2/metadata/converter.go.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from components import files
from components.orchestration import local_copies
from components.orchestration.executor_input import Task


def write(task: Task, metadata: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes the output file.

    Args:
        task: the task that was run.
        metadata: metadata of each output. Local paths in them are replaced by their addresses.
    """
    artifacts = {}
    for key, value in task.document["outputs"].get("artifacts", {}).items():
        (artifact,) = value["artifacts"]
        described = _restored(task, metadata.get(key, {}))
        # Only copies of artifacts that other tasks read are described. A `system.Metrics` is left
        # out because user interfaces show all its metadata as metrics.
        if artifact["uri"] in task.uris and artifact.get("type", {}).get("instanceSchema"):
            described |= local_copies.describe(artifact["uri"])
        artifacts[key] = {
            "artifacts": [
                {
                    "name": artifact.get("name", key),
                    "uri": task.restore(artifact["uri"]),
                    "metadata": described,
                }
            ]
        }
    text = json.dumps({"artifacts": artifacts}, indent=2, sort_keys=True) + "\n"
    if "://" not in task.output_file:
        os.makedirs(os.path.dirname(task.output_file), exist_ok=True)
    files.write_bytes(task.output_file, text.encode())


def _restored(task: Task, metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: task.restore(value) if isinstance(value, str) else value
        for name, value in metadata.items()
        if value is not None
    }
