"""The lines in which commands print what an evaluation measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components import json_text, shown_number

# With more classes, only those that need attention are printed; the report lists all.
_MAX_CLASSES = 12
_COLUMNS = ("precision", "recall", "f1")


def metrics(values: Mapping[str, float | None]) -> Iterator[str]:
    """Yields a line for each metric."""
    for name, value in values.items():
        yield f"{name:24} {shown_number.shown(value)}"


def classes(scores: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yields a small table with a row for each class; the lowest F1 comes first if rows are cut.

    Classes without examples are then only counted.

    Args:
        scores: "precision", "recall", "f1" and "examples" by label.
    """
    if not scores:
        return
    labels = list(scores)
    title, num_absent = "class", 0
    if len(labels) > _MAX_CLASSES:
        labels = [label for label in labels if scores[label]["examples"]]
        num_absent = len(scores) - len(labels)
        labels = sorted(labels, key=lambda label: scores[label]["f1"])[:_MAX_CLASSES]
        title = f"lowest of {len(scores):,} classes"
    yield f"{title:24} " + " ".join(f"{name:>9}" for name in (*_COLUMNS, "examples"))
    for label in labels:
        values = " ".join(f"{scores[label][name]:>9.4f}" for name in _COLUMNS)
        yield f"  {json_text.shown(label):22} {values} {scores[label]['examples']:>9,}"
    if num_absent:
        yield f"  {num_absent:,} of the classes do not occur in these data"
