"""Describes a model to the page: which fields its form needs, and examples to try."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from components.serving import text_rows
from components.serving.pushed_model import PushedModel

_LABELS = {
    "text_a": "Text",
    "text_b": "Second text",
    "question": "Question",
    "context": "Paragraph that may hold the answer",
    "options": "Options",
}


@dataclasses.dataclass(frozen=True)
class Field:
    """A field of the form.

    Attributes:
        name: name of the model's input.
        label: what the form calls it.
        required: whether it must not be empty.
        count: number of texts of a list, each of which is a line; None for a single text.
    """

    name: str
    label: str
    required: bool
    count: int | None


def describe(model: PushedModel) -> dict[str, Any]:
    """Returns what the page needs to know about a model.

    Returns:
        "kind", null if the model takes no text; "fields", in the order in which a person fills them
        in; and "examples": values by name of the field, for each of a few rows.
    """
    if model.kind is None:
        return {"kind": None, "fields": [], "examples": []}
    columns = model.columns.names
    fields = [
        Field(name, _label(name, columns), name != "text_b", count)
        for name, count in text_rows.inputs_of(model).items()
        # A model that was trained on single texts has no use for a second one. Models of earlier
        # versions do not say what they were trained on.
        if name != "text_b" or not columns or "text_b" in columns
    ]
    names = {field.name for field in fields}
    return {
        "kind": model.kind,
        "fields": [dataclasses.asdict(field) for field in fields],
        "examples": [
            {name: value for name, value in row.items() if name in names} for row in model.examples
        ],
    }


def _label(name: str, columns: Mapping[str, str | Sequence[str]]) -> str:
    column = columns.get(name, name)
    if not isinstance(column, str):
        # Several columns that are joined to one text.
        column = ", ".join(column)
    # A column "text" need not be named beside the label "Text".
    known = column.lower() in (name, _LABELS[name].lower())
    return _LABELS[name] if known else f"{_LABELS[name]} ({column})"
