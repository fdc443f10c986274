"""The name of a component's Beam job, by which attempts at the same task find it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any


def of(executor_class: str, document: Mapping[str, Any]) -> str:
    """Returns the name of a component's job.

    It depends on the component, its inputs and parameters, and the folders of its outputs. So it is
    the same for all attempts at a task, which write the same files, and differs between runs.

    Args:
        executor_class: dotted path of the executor's class.
        document: the executor input that the task was given.
    """
    given = json.dumps([executor_class, document], sort_keys=True).encode()
    parts = [part for part in executor_class.split(".")[1:-1] if part != "executor"]
    title = re.sub("[^a-z0-9]+", "-", "-".join(parts).lower())[:40].strip("-")
    return f"xlnet-{title}-{hashlib.sha256(given).hexdigest()[:16]}"
