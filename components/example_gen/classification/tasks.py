"""Looks up the built-in data sets by name."""

from __future__ import annotations

import difflib

from components.example_gen.classification.dataset import TextDataset
from components.example_gen.classification.glue_tasks import GLUE_TASKS
from components.example_gen.classification.reading_tasks import READING_TASKS
from components.example_gen.classification.review_tasks import REVIEW_TASKS

TASKS = {**GLUE_TASKS, **REVIEW_TASKS, **READING_TASKS}


class UnknownTaskError(ValueError):
    """There is no built-in data set with this name."""


def get_task(name: str) -> TextDataset:
    """Returns the built-in data set with this name.

    Raises:
        UnknownTaskError: if there is none; the message lists the names that exist.
    """
    if name in TASKS:
        return TASKS[name]
    near = difflib.get_close_matches(name.lower(), TASKS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UnknownTaskError(
        f"There is no built-in data set {name!r}.{hint} The names are: {', '.join(sorted(TASKS))}. "
        "For data of your own, describe the files in the configuration (TextDataset)."
    )
