"""Rows of texts from a file or a terminal, and a model's predictions for them as JSON lines."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from components.serving import rest
from components.serving.pushed_model import REQUIRED_TEXTS, PushedModel
from components.trainer.names import SERVING_DEFAULT

_DELIMITERS = {".tsv": "\t", ".csv": ","}


class TextRowError(ValueError):
    """A row that cannot be predicted; the message says where it stands and what is wrong."""


def read(
    lines: Iterable[str], *, name: str, inputs: Mapping[str, int | None]
) -> Iterator[dict[str, Any]]:
    """Rows of a file.

    Args:
        lines: of the file.
        name: of the file. What ends in .tsv or .csv has a header that names its columns; any other
            line that begins with `{` is a JSON object, and else a text (for models of one text).
        inputs: how many texts the model takes by name: None for one, else the length of a list,
            which only a JSON object can hold.

    Raises:
        TextRowError: naming the line.
    """
    for suffix, delimiter in _DELIMITERS.items():
        if name.endswith(suffix):
            quoting = csv.QUOTE_NONE if suffix == ".tsv" else csv.QUOTE_MINIMAL
            rows = csv.DictReader(lines, delimiter=delimiter, quoting=quoting, strict=True)
            for row in rows:
                yield _checked(row, f"{name}, line {rows.line_num}", inputs)
            return
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r\n")
        if text.strip():
            where = f"{name}, line {number}"
            yield _checked(_parse(text, where, inputs), where, inputs)


def predict(
    model: PushedModel, rows: Iterable[Mapping[str, Any]], *, batch_size: int
) -> Iterator[dict[str, Any]]:
    """Each row with what the model says of it under `prediction`."""
    names = list(model.signatures[SERVING_DEFAULT].inputs)
    iterator = iter(rows)
    while batch := list(itertools.islice(iterator, batch_size)):
        outputs = model.predict(**{name: [row[name] for row in batch] for name in names})
        formatted = rest.format_outputs(outputs, by_row=True)["predictions"]
        for row, prediction in zip(batch, formatted, strict=True):
            yield {**row, "prediction": prediction}


def _parse(text: str, where: str, inputs: Mapping[str, int | None]) -> dict[str, Any]:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise TextRowError(f"{where} is not JSON: {error}") from error
    if "text_a" not in inputs or any(inputs.values()):
        raise TextRowError(
            f"{where}: this model takes {' and '.join(sorted(inputs))}; give a JSON object with "
            "them on each line."
        )
    return {"text_a": text}


def _checked(
    row: Mapping[str, Any], where: str, inputs: Mapping[str, int | None]
) -> dict[str, Any]:
    checked = dict(row)
    for name, length in inputs.items():
        if length is not None:
            _check_list(checked.get(name), name, length, where)
            continue
        if name not in REQUIRED_TEXTS:
            checked.setdefault(name, "")
        value = checked.get(name)
        if not isinstance(value, str):
            raise TextRowError(f"{where} has no text {name!r}; it has {sorted(map(str, row))}.")
        if name in REQUIRED_TEXTS and not value.strip():
            raise TextRowError(f"{where}: {name} is empty.")
    return checked


def _check_list(values: Any, name: str, length: int, where: str) -> None:
    if not isinstance(values, list) or len(values) != length:
        raise TextRowError(f"{where}: {name} should be a list of {length} texts.")
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise TextRowError(f"{where}: {name} has something empty, or what is no text.")
