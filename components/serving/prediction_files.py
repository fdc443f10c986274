"""Predictions as a file: JSON lines, a JSON array, or a table, as its name says."""

from __future__ import annotations

import csv
import io
import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

PREDICTION = "prediction"
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
# What a table shows in the column `prediction`, of kinds that say more than a number.
_MAIN = ("answer", "label")


class PredictionFileError(ValueError):
    """Rows that do not fit into one table."""


def format_rows(rows: Iterable[Mapping[str, Any]], name: str) -> Iterator[str]:
    """The text of the file, a piece for each row.

    Args:
        rows: each with what the model says of it under `prediction`.
        name: of the file; .csv and .tsv give a table with a header, .json an array, and all others
            an object on each line.

    Raises:
        PredictionFileError: if rows of a table have different columns.
    """
    suffix = posixpath.splitext(name)[1].lower()
    if suffix in _DELIMITERS:
        yield from _table(rows, _DELIMITERS[suffix])
    elif suffix == ".json":
        separator = "["
        for row in rows:
            yield f"{separator}\n{json.dumps(row, ensure_ascii=False)}"
            separator = ","
        yield "[]\n" if separator == "[" else "\n]\n"
    else:
        for row in rows:
            yield json.dumps(row, ensure_ascii=False) + "\n"


def _table(rows: Iterable[Mapping[str, Any]], delimiter: str) -> Iterator[str]:
    header: list[str] | None = None
    for number, row in enumerate(rows, start=1):
        flat = _flat(row)
        if header is None:
            header = list(flat)
            yield _line(header, delimiter)
        elif list(flat) != header:
            different = sorted(set(flat) ^ set(header)) or ["their order"]
            raise PredictionFileError(
                f"Row {number:,} has other columns than the first ({', '.join(different)}), which "
                "no table can hold. Write JSON lines (--output FILE.jsonl)."
            )
        yield _line([flat[name] for name in header], delimiter)


def _flat(row: Mapping[str, Any]) -> dict[str, str]:
    found = {key: _cell(value) for key, value in row.items() if key != PREDICTION}
    prediction = row[PREDICTION]
    if not isinstance(prediction, Mapping):
        return {**found, PREDICTION: _cell(prediction)}
    main = next(name for name in _MAIN if name in prediction)
    found[PREDICTION] = _cell(prediction[main])
    rest = {name: value for name, value in prediction.items() if name != main}
    if "labels" in rest:
        scored = zip(rest.pop("labels"), rest.pop("scores"), strict=True)
        found |= {f"score {label}": _cell(score) for label, score in scored}
    return {**found, **{name: _cell(value) for name, value in rest.items()}}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _line(values: list[str], delimiter: str) -> str:
    if delimiter == "\t":
        # Without quoting, as TSV is read.
        return "\t".join(" ".join(value.splitlines()).replace("\t", " ") for value in values) + "\n"
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="\n").writerow(values)
    return line.getvalue()
