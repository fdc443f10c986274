"""Rows of texts from a file or standard input, read as training reads them, and predictions."""

from __future__ import annotations

import contextlib
import itertools
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from components import json_text
from components.example_gen import lines, text_form
from components.example_gen.classification import rows
from components.example_gen.classification.interpretation import UnusableRowError, as_text
from components.example_gen.lines import HeadedFile
from components.example_gen.text_form import Form
from components.export.input_columns import InputColumns
from components.export.signatures import SERVING_DEFAULT
from components.serving import rest
from components.serving.pushed_model import REQUIRED_TEXTS, PushedModel

STDIN = "-"
# The key under which a row holds the texts for the model, beside all that its file says.
TEXTS = ("texts",)
# As `TextExampleGenSettings` has it.
MAX_ROW_BYTES = 10_000_000

_FORMS: Mapping[str, Form] = {
    ".tsv": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


class TextRowError(ValueError):
    """A row that cannot be predicted; the message says where it stands and what is wrong."""


@contextlib.contextmanager
def open_input(path: str, stdin: BinaryIO) -> Iterator[tuple[HeadedFile, Form]]:
    """A file to predict, decompressed, with what its name or its beginning says it is.

    Args:
        path: of the file; "-" for standard input.
        stdin: standard input.

    Raises:
        WrongFormatError: if it is something else.
        NoSuchFilesError, DamagedFileError: if it cannot be read.
    """
    if path == STDIN:
        file = HeadedFile(_Pipe(stdin), stdin.read1(text_form.HEAD_BYTES))
        yield _checked_form(file, "standard input")
        return
    with lines.open_decompressed(path) as opened:
        yield _checked_form(HeadedFile(opened), path)


def read(
    file: HeadedFile,
    form: Form,
    *,
    name: str,
    inputs: Mapping[str, int | None],
    columns: InputColumns,
) -> Iterator[dict[str, Any]]:
    """Rows of a file; the texts for the model under its names, all else as it stands there.

    Args:
        file: of `open_input`.
        form: likewise. Tables have a header that names their columns; "jsonl" has an object on each
            line; "text" has a text on each line, for models of one text.
        name: of the file, for messages.
        inputs: how many texts the model takes by name: None for one, else the length of a list,
            which only a JSON object can hold.
        columns: how the model's training data call its texts, and how they are cleaned.

    Raises:
        TextRowError: naming the line.
    """
    header: Sequence[str] | None = None
    for item in _items(file, form, columns):
        if isinstance(item, rows.BlankLine):
            continue
        where = f"{name}, line {item.line}"
        if isinstance(item, rows.BadRow):
            raise TextRowError(_explain(where, item.reason, item.detail))
        if form in ("tsv", "csv") and header is None:
            header = _unique(item.fields, where)
            continue
        if form == "text":
            fields = {_only_text(inputs, where): item.fields[0]}
        else:
            fields = item.fields if header is None else _named(header, item.fields, where)
        yield _checked(fields, where, inputs, columns)


def predict(
    model: PushedModel, rows: Iterable[Mapping[str, Any]], *, batch_size: int
) -> Iterator[dict[str, Any]]:
    """Each row with what the model says of it under `prediction`."""
    names = list(model.signatures[SERVING_DEFAULT].inputs)
    iterator = iter(rows)
    while batch := list(itertools.islice(iterator, batch_size)):
        outputs = model.predict(**{name: [row[TEXTS][name] for row in batch] for name in names})
        formatted = rest.format_outputs(outputs, by_row=True)["predictions"]
        for row, prediction in zip(batch, formatted, strict=True):
            shown = {key: value for key, value in row.items() if key != TEXTS}
            yield {**shown, "prediction": prediction}


class _Pipe:
    """Standard input, which is answered as it comes and not by the megabyte."""

    def __init__(self, stdin: BinaryIO) -> None:
        self._stdin = stdin

    def read(self, size: int) -> bytes:
        """What there is, at most so much; none at the end."""
        return self._stdin.read1(size)


def _checked_form(file: HeadedFile, name: str) -> tuple[HeadedFile, Form]:
    suffix = posixpath.splitext(lines.without_compression(name))[1].lower()
    form = _FORMS.get(suffix)
    if form is None:
        # A name says nothing; an object on the first line does.
        beginning = file.head.removeprefix(b"\xef\xbb\xbf").lstrip()
        form = "jsonl" if beginning.startswith(b"{") else "text"
    text_form.check(file.head, name, form)
    return file, form


def _items(file: HeadedFile, form: Form, columns: InputColumns) -> Iterator[rows.Item]:
    if form == "csv":
        return rows.read_csv(file, delimiter=columns.csv_delimiter, max_bytes=MAX_ROW_BYTES)
    if form == "jsonl":
        return rows.read_jsonl(file, max_bytes=MAX_ROW_BYTES)
    # A text of a line is a table of one column: no line holds its line feed.
    delimiter = "\t" if form == "tsv" else "\n"
    return rows.read_tsv(file, delimiter=delimiter, max_bytes=MAX_ROW_BYTES)


def _explain(where: str, reason: str, detail: str) -> str:
    return f"{where}: {reason}" + (f" ({detail})." if detail else ".")


def _unique(header: Sequence[str], where: str) -> Sequence[str]:
    if len(set(header)) < len(header):
        raise TextRowError(
            f"{where}: a column stands twice in the header {json_text.shown_list(header)}."
        )
    return header


def _named(header: Sequence[str], values: Sequence[str], where: str) -> dict[str, str]:
    if len(values) != len(header):
        detail = f"{len(values)} columns, but the header has {len(header)}"
        raise TextRowError(_explain(where, rows.WRONG_COLUMN_COUNT, detail))
    return dict(zip(header, values, strict=True))


def _only_text(inputs: Mapping[str, int | None], where: str) -> str:
    if "text_a" not in inputs or any(inputs.values()):
        raise TextRowError(
            f"{where}: this model takes {' and '.join(sorted(inputs))}; give a JSON object with "
            "them on each line."
        )
    return "text_a"


def _checked(
    fields: Mapping[str, object],
    where: str,
    inputs: Mapping[str, int | None],
    columns: InputColumns,
) -> dict[str, Any]:
    texts: dict[str, Any] = {}
    for name, length in inputs.items():
        column = columns.column_of(name, fields)
        if name not in REQUIRED_TEXTS and fields.get(column) is None:
            texts[name] = ""
            continue
        if column not in fields:
            named = " or ".join(map(repr, dict.fromkeys((columns.names.get(name, name), name))))
            there = json_text.shown_list(sorted(map(str, fields)))
            raise TextRowError(f"{where} has no column {named}; it has {there}.")
        try:
            texts[name] = _text(fields[column], column, name, length, columns)
        except UnusableRowError as error:
            raise TextRowError(_explain(where, error.reason, error.detail)) from error
    return {**json_text.with_numbers(dict(fields)), TEXTS: texts}


def _text(
    value: object, column: str, name: str, length: int | None, columns: InputColumns
) -> str | list[str]:
    if length is None:
        text = columns.clean(as_text(value, column))
        if name in REQUIRED_TEXTS and not text.strip():
            raise UnusableRowError("empty text", f"column {column!r}")
        return text
    if not isinstance(value, list) or len(value) != length:
        raise UnusableRowError(f"column {column!r} should be a list of {length} texts")
    texts = [columns.clean(as_text(item, column)) for item in value]
    if not all(text.strip() for text in texts):
        raise UnusableRowError("empty text", f"something in column {column!r} is empty")
    return texts
