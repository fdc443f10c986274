"""Formats predictions as JSON lines, a JSON array or a table, depending on the file's name."""

from __future__ import annotations

import csv
import io
import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from components import files, json_text
from components.example_gen import lines, text_form

PREDICTION = "prediction"
_CONTENT_TYPES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".tab": "text/tab-separated-values",
    ".json": "application/json",
}
# The output that a table shows in the column `prediction`, if there are several outputs.
_MAIN = ("answer", "label")


class PredictionFileError(ValueError):
    """A file that cannot be written, or rows that do not fit into one table; with what to do."""


def check_name(name: str) -> None:
    """Refuses the name of a file that predictions cannot be written to.

    Raises:
        PredictionFileError: if the name ends as those of compressed files do.
    """
    if lines.is_compressed(name):
        raise PredictionFileError(
            f"Predictions are not compressed; write them to {lines.without_compression(name)} "
            f"instead of {name}, and compress that."
        )


def format_rows(
    rows: Iterable[Mapping[str, Any]], name: str, *, quotes_tabs: bool = False
) -> Iterator[str]:
    """Yields the text of the file in pieces.

    Args:
        rows: rows with what the model predicts for each under the key `prediction`.
        name: name of the file. With the suffix .csv, .tsv or .tab it becomes a table with a header,
            with .json an array, and with any other suffix it has an object on each line.
        quotes_tabs: whether a table with tabs is quoted, as `InputColumns.quotes_tabs` says, so
            that the model can read it again.

    Raises:
        PredictionFileError: if the rows of a table have different columns, or a column of the
            user's has the name of one of the model's; or see `check_name`.
    """
    check_name(name)
    suffix = posixpath.splitext(name)[1].lower()
    if suffix in text_form.TABLE_SUFFIXES:
        delimiter = text_form.TABLE_SUFFIXES[suffix]
        yield from _table(rows, delimiter, is_quoted=delimiter != "\t" or quotes_tabs)
    elif suffix == ".json":
        separator = "["
        for row in rows:
            yield f"{separator}\n{json.dumps(row, ensure_ascii=False)}"
            separator = ","
        yield "[]\n" if separator == "[" else "\n]\n"
    else:
        for row in rows:
            yield json.dumps(row, ensure_ascii=False) + "\n"


def content_type(name: str) -> str:
    """Returns the media type of a file with this name."""
    return _CONTENT_TYPES.get(posixpath.splitext(name)[1].lower(), "application/jsonl")


def write(rows: Iterable[Mapping[str, Any]], path: str, *, quotes_tabs: bool = False) -> int:
    """Writes rows to a file, in the form that its name asks for; returns their number.

    The file appears only when all rows have been written. See `format_rows` for the arguments.
    """
    count = 0

    def counted() -> Iterator[Mapping[str, Any]]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    with files.open_atomically(path) as output:
        for piece in format_rows(counted(), path, quotes_tabs=quotes_tabs):
            output.write(piece.encode("utf-8", "backslashreplace"))
    return count


def columns_of(prediction: Any) -> dict[str, Any]:
    """Returns a prediction as the columns of a table.

    Args:
        prediction: what a model predicts for a row: a number, or outputs by name.

    Returns:
        The answer, label or number under `prediction`, the score of each label under
        "score <label>", and further outputs under their names.
    """
    if not isinstance(prediction, Mapping):
        return {PREDICTION: prediction}
    main = next(name for name in _MAIN if name in prediction)
    rest = {name: value for name, value in prediction.items() if name != main}
    found = {PREDICTION: prediction[main]}
    if "labels" in rest:
        scored = zip(rest.pop("labels"), rest.pop("scores"), strict=True)
        found |= {f"score {label}": score for label, score in scored}
    return {**found, **rest}


def _table(rows: Iterable[Mapping[str, Any]], delimiter: str, *, is_quoted: bool) -> Iterator[str]:
    header: list[str] | None = None
    for number, row in enumerate(rows, start=1):
        flat = _flat(row, number)
        if header is None:
            header = list(flat)
            yield _line(header, delimiter, is_quoted=is_quoted)
        elif list(flat) != header:
            different = sorted(set(flat) ^ set(header)) or ["their order"]
            raise PredictionFileError(
                f"Row {number:,} has other columns than the first ({', '.join(different)}), which "
                "no table can hold. Write JSON lines (--output FILE.jsonl)."
            )
        yield _line([flat[name] for name in header], delimiter, is_quoted=is_quoted)


def _flat(row: Mapping[str, Any], number: int) -> dict[str, str]:
    found = {key: value for key, value in row.items() if key != PREDICTION}
    outputs = columns_of(row[PREDICTION])
    # The model's columns always have the same names, so that programs can rely on them. If one gave
    # way to a column of the user's, a second prediction over the first one's table would move it.
    taken = [name for name in found if name in outputs]
    if taken:
        raise PredictionFileError(
            f"Row {number:,} has columns of its own that are called like the model's: "
            f"{json_text.shown_list(taken)}. Rename or remove them, or write JSON lines (--output "
            "FILE.jsonl), which keep what the model says apart."
        )
    return {key: _cell(value) for key, value in (found | outputs).items()}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _line(values: list[str], delimiter: str, *, is_quoted: bool) -> str:
    if not is_quoted:
        # Delimiters and line breaks have to be replaced by spaces.
        one_line = (" ".join(value.splitlines()).replace(delimiter, " ") for value in values)
        return delimiter.join(one_line) + "\n"
    line = io.StringIO()
    # The writer of Python 3.10 puts quotes around a line break in a value only if it is part of the
    # line end that it was given.
    csv.writer(line, delimiter=delimiter, lineterminator="\r\n").writerow(values)
    return line.getvalue().removesuffix("\r\n") + "\n"
