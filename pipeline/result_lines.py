"""The lines in which commands print what an evaluation measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components import json_text

# With more classes, only those that need attention are printed; the report lists all.
_MAX_CLASSES = 12
_COLUMNS = ("precision", "recall", "f1")


def metrics(values: Mapping[str, float | None]) -> Iterator[str]:
    """Yields a line for each metric."""
    for name, value in values.items():
        # Some metrics are numbers of questions, which are integers; some may be undefined.
        shown = "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
        yield f"{name:24} {shown}"


def classes(scores: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yields a small table with a row for each class; the lowest F1 comes first if rows are cut.

    Args:
        scores: "precision", "recall", "f1" and "examples" by label.
    """
    if not scores:
        return
    labels = list(scores)
    title = "class"
    if len(labels) > _MAX_CLASSES:
        labels = sorted(labels, key=lambda label: scores[label]["f1"])[:_MAX_CLASSES]
        title = f"lowest of {len(scores):,} classes"
    yield f"{title:24} " + " ".join(f"{name:>9}" for name in (*_COLUMNS, "examples"))
    for label in labels:
        values = " ".join(f"{scores[label][name]:>9.4f}" for name in _COLUMNS)
        yield f"  {json_text.shown(label):22} {values} {scores[label]['examples']:>9,}"
