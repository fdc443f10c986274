"""Reads rows of texts from a file or standard input and predicts them.

Files are read in the same way as for training.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from components import json_text
from components.example_gen import lines, text_form
from components.example_gen.classification import rows
from components.example_gen.classification.dataset import join
from components.example_gen.classification.interpretation import UnusableRowError, as_text
from components.example_gen.lines import HeadedFile
from components.example_gen.text_form import Form
from components.export.input_columns import InputColumns
from components.export.signatures import SERVING_DEFAULT
from components.serving import prediction_files, rest, usable_text
from components.serving.pushed_model import REQUIRED_TEXTS, ModelError, PushedModel, encoded

STDIN = "-"
# The key under which a row holds the texts for the model, in addition to the columns of its file.
# It is a tuple, so that it cannot be the name of a column.
TEXTS = ("texts",)
# Inputs in the order in which a person would give them; other models take `text_a` and `text_b`.
_ORDER: Mapping[str, Sequence[str]] = {
    "question_answering": ("question", "context"),
    "multiple_choice": ("text_a", "text_b", "options"),
}

_FORMS: Mapping[str, Form] = {
    **{
        suffix: "tsv" if delimiter == "\t" else "csv"
        for suffix, delimiter in text_form.TABLE_SUFFIXES.items()
    },
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


class TextRowError(ValueError):
    """A row that cannot be predicted; the message says where it is and what is wrong with it."""


@contextlib.contextmanager
def open_input(path: str, stdin: BinaryIO | None) -> Iterator[tuple[HeadedFile, Form]]:
    """Opens a file to predict, decompressed, and recognises its form by its name or its beginning.

    Args:
        path: path of the file; "-" for standard input.
        stdin: standard input; only needed if `path` is "-".

    Raises:
        WrongFormatError: if the content of the file does not have this form.
        NoSuchFilesError, DamagedFileError: if the file cannot be read.
    """
    if path == STDIN:
        file = HeadedFile(_Pipe(stdin), stdin.read1(text_form.HEAD_BYTES))
        yield _checked_form(file, "standard input")
        return
    with lines.open_decompressed(path) as opened:
        yield _checked_form(HeadedFile(opened), path)


def opened(file: BinaryIO, name: str) -> tuple[HeadedFile, Form]:
    """Does the same as `open_input` for a file that is open already, and not compressed.

    Raises:
        TextRowError: if it is compressed, as its name says.
    """
    headed = HeadedFile(file)
    if lines.is_compressed(name) and text_form.not_text(headed.head):
        raise TextRowError(
            f"{name} is compressed. Send {lines.without_compression(name)} instead; a request as a "
            "whole may be compressed, which its header Content-Encoding then says."
        )
    return _checked_form(headed, name)


def read(
    file: HeadedFile,
    form: Form,
    *,
    name: str,
    inputs: Mapping[str, int | None],
    columns: InputColumns,
    max_text_bytes: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Yields the rows of a file, each with its columns and, under `TEXTS`, the model's inputs.

    Args:
        file: the file that `open_input` returned.
        form: the form that `open_input` returned. Tables ("tsv", "csv") have a header that names
            their columns; "jsonl" has an object on each line; "text" has a text on each line, for
            models that take a single text.
        name: name of the file, for error messages.
        inputs: for each input of the model, None if it takes one text per row. Otherwise the number
            of texts per row, which only JSON can hold, as a list.
        columns: how the model's training data name the columns of its texts, and how to clean the
            texts.
        max_text_bytes: largest size of a text in UTF-8, in bytes; None for no limit.

    Raises:
        TextRowError: if a row cannot be used; the message names the line.
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
            fields = {only_text(inputs, where): item.fields[0]}
        else:
            fields = item.fields if header is None else _named(header, item.fields, where)
        if prediction_files.PREDICTION in fields:
            # Said before anything is computed. To keep both, one of them would need another name,
            # and then programs could not rely on it.
            raise TextRowError(
                f"{where} has a column {prediction_files.PREDICTION!r}, which is where the model's "
                "prediction is written. Rename or remove it; a file that was written by an earlier "
                "prediction has one."
            )
        yield check(fields, where, inputs=inputs, columns=columns, max_text_bytes=max_text_bytes)


def inputs_of(model: PushedModel) -> dict[str, int | None]:
    """Returns the names of a model's text inputs, in a natural order for asking the user.

    The value is the length of the list for an input that takes a list of texts, and None for an
    input that takes a single text.

    Raises:
        ModelError: if the model takes no text.
    """
    if model.kind is None:
        raise ModelError(
            f"{model.path} has no signature for text: it was exported by an earlier version, or by "
            "a pretraining. Run the pipeline again with `--set run.enable_cache=false`."
        )
    signature = model.signatures[SERVING_DEFAULT]
    names = _ORDER.get(model.kind, ("text_a", "text_b"))
    return {name: signature.list_length(name) for name in names}


def only_text(inputs: Mapping[str, int | None], where: str) -> str:
    """Returns the input that a row which is nothing but a text stands for.

    Raises:
        TextRowError: if the model needs more than a single text.
    """
    if "text_a" not in inputs or any(inputs.values()):
        raise TextRowError(
            f"{where}: this model takes {' and '.join(sorted(inputs))}; give a JSON object "
            "(in Python, a dict) with them for each row."
        )
    return "text_a"


def check(
    fields: Mapping[str, object],
    where: str,
    *,
    inputs: Mapping[str, int | None],
    columns: InputColumns,
    max_text_bytes: int | None = None,
) -> dict[str, Any]:
    """Returns a row as `read` yields it: its columns and, under `TEXTS`, the model's inputs.

    Args:
        fields: values of the row by column.
        where: name of the row for error messages.
        inputs: see `read`.
        columns: see `read`.
        max_text_bytes: see `read`.

    Raises:
        TextRowError: if the row cannot be used.
    """
    problem = functools.partial(usable_text.problem, columns=columns, max_bytes=max_text_bytes)
    texts: dict[str, Any] = {}
    for name, length in inputs.items():
        if joined := columns.joined_columns(name, fields):
            texts[name] = _joined(fields, joined, name, where, columns, problem)
            continue
        column = columns.column_of(name, fields)
        if name not in REQUIRED_TEXTS and fields.get(column) is None:
            texts[name] = ""
            continue
        if column not in fields:
            named = " or ".join(map(repr, dict.fromkeys((columns.names.get(name, name), name))))
            there = json_text.shown_list(sorted(map(str, fields)))
            raise TextRowError(f"{where} has no column {named}; it has {there}.")
        try:
            texts[name] = _text(fields[column], column, name, length, columns, problem)
        except UnusableRowError as error:
            raise TextRowError(_explain(where, error.reason, error.detail)) from error
    try:
        return {**json_text.with_numbers(dict(fields)), TEXTS: texts}
    except json_text.JsonTextError as error:
        raise TextRowError(f"{where}: {error}.") from error


def predict_file(
    model: PushedModel, path: str, *, batch_size: int, stdin: BinaryIO | None = None
) -> Iterator[dict[str, Any]]:
    """Reads a file and yields its rows with what the model predicts for each.

    Args:
        model: the model.
        path: path of the file; "-" for standard input.
        batch_size: number of rows to predict at a time.
        stdin: standard input; only needed if `path` is "-".

    Raises:
        WrongFormatError, TextRowError: if the file or one of its rows cannot be used.
        NoSuchFilesError, DamagedFileError: if the file cannot be read.
    """
    inputs, columns = inputs_of(model), model.columns
    name = "standard input" if path == STDIN else path
    with open_input(path, stdin) as (source, form):
        rows = read(source, form, name=name, inputs=inputs, columns=columns)
        yield from predict(model, rows, batch_size=batch_size)


def predict(
    model: PushedModel, rows: Iterable[Mapping[str, Any]], *, batch_size: int
) -> Iterator[dict[str, Any]]:
    """Yields each row with what the model predicts for it under the key `prediction`."""
    names = list(model.signatures[SERVING_DEFAULT].inputs)
    iterator = iter(rows)
    while batch := list(itertools.islice(iterator, batch_size)):
        texts = {name: [row[TEXTS][name] for row in batch] for name in names}
        yield from joined(batch, model.predict(**texts))


def arrays(rows: Sequence[Mapping[Any, Any]], names: Iterable[str]) -> dict[str, np.ndarray]:
    """Returns the texts of rows as an object array of bytes for each of the model's inputs."""
    return {name: encoded([row[TEXTS][name] for row in rows]) for name in names}


def joined(
    rows: Sequence[Mapping[Any, Any]], outputs: Mapping[str, np.ndarray]
) -> Iterator[dict[str, Any]]:
    """Yields each row with its part of the outputs under the key `prediction`."""
    formatted = rest.format_outputs(outputs, by_row=True)["predictions"]
    for row, prediction in zip(rows, formatted, strict=True):
        shown = {key: value for key, value in row.items() if key != TEXTS}
        yield {**shown, prediction_files.PREDICTION: prediction}


class _Pipe:
    """Standard input, read as soon as anything arrives, so that every line is answered at once."""

    def __init__(self, stdin: BinaryIO) -> None:
        self._stdin = stdin

    def read(self, size: int) -> bytes:
        """Returns the bytes that are available, at most `size`; empty at the end."""
        return self._stdin.read1(size)


def _checked_form(file: HeadedFile, name: str) -> tuple[HeadedFile, Form]:
    suffix = posixpath.splitext(lines.without_compression(name))[1].lower()
    form = _FORMS.get(suffix)
    if form is None:
        # If the name does not tell, a brace at the beginning means that lines are JSON objects.
        beginning = file.head.removeprefix(text_form.UTF8_MARK).lstrip()
        form = "jsonl" if beginning.startswith(b"{") else "text"
    text_form.check(file.head, name, form)
    return file, form


def _items(file: HeadedFile, form: Form, columns: InputColumns) -> Iterator[rows.Item]:
    if form == "csv" or (form == "tsv" and columns.quotes_tabs):
        return rows.read_csv(file, delimiter=columns.csv_delimiter, max_bytes=rows.MAX_ROW_BYTES)
    if form == "jsonl":
        return rows.read_jsonl(file, max_bytes=rows.MAX_ROW_BYTES)
    # Plain text is read as a table with one column: no line contains the delimiter, a line feed.
    delimiter = "\t" if form == "tsv" else "\n"
    return rows.read_tsv(file, delimiter=delimiter, max_bytes=rows.MAX_ROW_BYTES)


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


def _joined(
    fields: Mapping[str, object],
    joined: Sequence[str],
    name: str,
    where: str,
    columns: InputColumns,
    problem: Callable[[str, str], str],
) -> str:
    try:
        found = [as_text(fields[part], part) for part in joined if fields[part] is not None]
    except UnusableRowError as error:
        raise TextRowError(_explain(where, error.reason, error.detail)) from error
    text = join(found)
    if wrong := problem(text, name):
        raise TextRowError(_explain(where, wrong, f"columns {json_text.shown_list(joined)}"))
    return columns.clean_for_graph(text)


def _text(
    value: object,
    column: str,
    name: str,
    length: int | None,
    columns: InputColumns,
    problem: Callable[[str, str], str],
) -> str | list[str]:
    if length is None:
        text = as_text(value, column)
        if wrong := problem(text, name):
            raise UnusableRowError(wrong, f"column {column!r}")
        return columns.clean_for_graph(text)
    if isinstance(value, np.ndarray):
        # As pandas reads them from Parquet.
        value = value.tolist()
    if not isinstance(value, (list, tuple)) or len(value) != length:
        raise UnusableRowError(f"column {column!r} should be a list of {length} texts")
    texts = [as_text(item, column) for item in value]
    for text in texts:
        if wrong := problem(text, name):
            raise UnusableRowError(wrong, f"an entry of column {column!r}")
    return [columns.clean_for_graph(text) for text in texts]
