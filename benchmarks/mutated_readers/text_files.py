"""Texts with labels, to train on and to predict."""

from __future__ import annotations

import bz2
import collections
import gzip
import io
import json
import pathlib
from collections.abc import Callable
from typing import Any

from benchmarks.mutated_readers.mutated_reader import Counted, MutatedReader, Seed, as_json
from components.example_gen import lines, text_form
from components.example_gen.classification import (
    dataset,
    file_conversion,
    inputs,
    interpretation,
    plan,
)
from components.export.input_columns import InputColumns
from components.serving import text_rows

_COLUMNS = dataset.Columns(text_a="text", label="label")


def _text_dataset(file_format: str, **changes: Any) -> dataset.TextDataset:
    given = {
        "columns": None if file_format == "race" else _COLUMNS,
        "header": file_format in ("tsv", "csv"),
        "labels": ("A", "B", "C", "D"),
    }
    return dataset.TextDataset(
        name="mutated",
        file_format=file_format,
        splits={"train": dataset.Split("*")},
        **{**given, **changes},
    )


def _read_rows(data: dataset.TextDataset) -> Callable[[pathlib.Path], Counted]:
    def read(path: pathlib.Path) -> Counted:
        file = inputs.InputFile(str(path), path.name, "train", 0, 0, max(1, path.stat().st_size))
        made = plan.make_plan(
            data, {"train": [file]}, seed=0, shard_bytes=1 << 20, max_row_bytes=1 << 20
        )
        counts: collections.Counter[file_conversion.Counter] = collections.Counter()
        found = list(file_conversion.convert_file(made, file, counts))
        if data.file_format not in ("tsv", "jsonl") or lines.is_compressed(str(path)):
            return counts["train", file_conversion.READ, ""], len(found)
        content = path.read_bytes()
        expected = content.count(b"\n") + (not content.endswith(b"\n") and content != b"")
        blank = counts["train", file_conversion.BLANK, ""]
        header = data.header and expected > blank
        return expected, len(found) + blank + header

    return read


_ROW_ERRORS = (
    file_conversion.UnreadableHeaderError,
    interpretation.ColumnNotFoundError,
    text_form.WrongFormatError,
    lines.DamagedFileError,
)


def _table_seeds(suffix: str, delimiter: str) -> list[Seed]:
    rows = [("text", "label"), ("Nora has two hens", "A"), ("été, 1.50", "B"), ("it's", "C")]
    content = "".join(delimiter.join(row) + "\n" for row in rows).encode()
    if suffix == "csv":
        content = b'text,label\n"Nora, says ""two"" hens",A\n"one\ntwo",B\nit\'s,C\n'
    return [
        Seed(f"train.{suffix}", content),
        Seed(f"train.{suffix}", content.replace(b"\n", b"\r\n")),
        Seed(f"train.{suffix}.gz", content, gzip.compress),
    ]


def _jsonl_seeds() -> list[Seed]:
    rows = [{"text": "Nora has two hens", "label": "A"}, {"text": "été 1.50", "label": "B", "n": 1}]
    content = b"\n".join(map(as_json, rows)) + b"\n"
    return [Seed("train.jsonl", content), Seed("train.jsonl.bz2", content, bz2.compress)]


def _regression_seeds() -> list[Seed]:
    return [Seed("train.tsv", "text\tlabel\nNora has two hens\t2.5\nété\t1e0\nit's\t3\n".encode())]


def _race_seeds() -> list[Seed]:
    content = {
        "answers": ["A", "B"],
        "options": [["two", "three", "four", "none"], ["a dog", "a shed", "rain", "Sam"]],
        "questions": ["How many hens has Nora?", "Nora painted _ green."],
        "article": "Nora keeps two hens.\nThey sleep in a shed that Nora painted green.",
        "id": "high7.txt",
    }
    return [
        Seed("high/7.txt", as_json(content)),
        Seed("high/7.txt", json.dumps(content, indent=1).encode()),
    ]


def _read_prediction_rows(path: pathlib.Path) -> Counted:
    columns = InputColumns(names={"text_a": "text"})
    with text_rows.open_input(str(path), io.BytesIO()) as (file, form):
        for row in text_rows.read(
            file, form, name=path.name, inputs={"text_a": None}, columns=columns
        ):
            json.dumps({name: value for name, value in row.items() if name != text_rows.TEXTS})
    return None


_PREDICTION_ERRORS = (
    text_rows.TextRowError,
    text_form.WrongFormatError,
    lines.DamagedFileError,
)

READERS = (
    MutatedReader(
        "csv", lambda: _table_seeds("csv", ","), _read_rows(_text_dataset("csv")), _ROW_ERRORS
    ),
    MutatedReader(
        "tsv", lambda: _table_seeds("tsv", "\t"), _read_rows(_text_dataset("tsv")), _ROW_ERRORS
    ),
    MutatedReader("jsonl", _jsonl_seeds, _read_rows(_text_dataset("jsonl")), _ROW_ERRORS),
    MutatedReader(
        "regression",
        _regression_seeds,
        _read_rows(_text_dataset("tsv", labels=(), label_range=(0, 5))),
        _ROW_ERRORS,
    ),
    MutatedReader("race", _race_seeds, _read_rows(_text_dataset("race")), _ROW_ERRORS),
    MutatedReader(
        "predict",
        lambda: [*_table_seeds("csv", ","), *_table_seeds("tsv", "\t"), *_jsonl_seeds()],
        _read_prediction_rows,
        _PREDICTION_ERRORS,
    ),
)
