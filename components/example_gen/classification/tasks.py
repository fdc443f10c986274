"""The built-in data sets by name."""

from __future__ import annotations

import difflib

from components.example_gen.classification.dataset import TextDataset
from components.example_gen.classification.glue_tasks import GLUE_TASKS
from components.example_gen.classification.reading_tasks import READING_TASKS
from components.example_gen.classification.review_tasks import REVIEW_TASKS

TASKS = {**GLUE_TASKS, **REVIEW_TASKS, **READING_TASKS}


class UnknownTaskError(ValueError):
    """A name that no built-in data set has."""


def get_task(name: str) -> TextDataset:
    """The built-in data set of this name.

    Raises:
        UnknownTaskError: listing the names.
    """
    if name in TASKS:
        return TASKS[name]
    near = difflib.get_close_matches(name.lower(), TASKS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UnknownTaskError(
        f"There is no built-in data set {name!r}.{hint} The names are: {', '.join(sorted(TASKS))}. "
        "For data of your own, describe the files in the configuration (TextDataset)."
    )
