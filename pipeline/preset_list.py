"""What the presets are for, in a table: task, data, size, device and time.

A preset's file says it in its header: "# DATA, SIZE, on DEVICE." in the first line, and after
"# Takes:" how long it was measured to take, if it was.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from components.example_gen.classification.tasks import get_task
from pipeline import preset_loader

_TITLE = re.compile(r"# (?P<data>[^,]+), (?P<size>[^,]+), on (?P<device>.+)\.")
_TAKES = re.compile(r"^# Takes: (.+)$", re.MULTILINE)
NOT_MEASURED = "not measured"


@dataclasses.dataclass(frozen=True)
class Preset:
    """A preset, in words.

    Attributes:
        name: name of the preset.
        task: what is learnt, such as "question answering".
        data: the data set.
        size: size of the network.
        device: what it is meant to run on.
        time: how long a run takes there, or `NOT_MEASURED`.
    """

    name: str
    task: str
    data: str
    size: str
    device: str
    time: str


def describe(name: str) -> Preset:
    """Describes a preset.

    Raises:
        ValueError: if its file has no such header.
    """
    text = (preset_loader.PRESET_DIRECTORY / f"{name}.yaml").read_text(encoding="utf-8")
    title, takes = _TITLE.match(text), _TAKES.search(text)
    if title is None:
        raise ValueError(f"The first line of {name}.yaml should be '# DATA, SIZE, on DEVICE.'.")
    return Preset(
        name=name,
        task=_task(preset_loader.read(name)).replace("_", " "),
        time=takes[1] if takes else NOT_MEASURED,
        **title.groupdict(),
    )


def _task(document: Mapping[str, Any]) -> str:
    """Returns the kind of a document, or that of its data set, which says more."""
    built_in = document["data"].get("task")
    return get_task(built_in).kind if built_in else document["kind"]


def table() -> list[str]:
    """Returns lines with all presets in columns, the first of which has the names."""
    rows = [dataclasses.astuple(describe(name)) for name in preset_loader.names()]
    header = tuple(field.name for field in dataclasses.fields(Preset))
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]
