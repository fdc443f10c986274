"""Rows to examples: columns, texts, labels, and what makes a row unusable."""

import pytest

from components import tf_examples
from components.example_gen.classification import interpretation
from components.example_gen.classification.dataset import Columns, Split, TextDataset
from components.example_gen.classification.interpretation import (
    RawExample,
    RowInterpreter,
    UnusableRowError,
)


def _interpreter(columns=None, header=None, **changes):
    columns = columns or Columns(text_a=1, text_b=2, label=-1)
    values = {
        "name": "mine",
        "file_format": "tsv",
        "columns": columns,
        "header": header is not None,
        "labels": ("no", "yes"),
        "splits": {"train": Split("train.tsv")},
        **changes,
    }
    return RowInterpreter(
        TextDataset(**values), columns, source_file="a.tsv", guid_prefix="train", header=header
    )


def _interpret(interpreter, fields):
    return interpreter.interpret(fields, guid=interpreter.guid(fields, 7), line=8)


def test_columns_by_position():
    example = _interpret(_interpreter(), ["0", "A ", " B", "x", "yes"])
    assert example == RawExample("train-7", "A ", " B", "yes", "a.tsv", 8)


def test_columns_by_name():
    interpreter = _interpreter(
        Columns(text_a="text", label="label", guid="id"), header=["label", "id", "text"]
    )
    example = _interpret(interpreter, ["no", "r1", "A"])
    assert example == RawExample("r1", "A", None, "no", "a.tsv", 8)


@pytest.mark.parametrize("header", [["id", "subject", "body", "label"], None])
def test_texts_of_several_columns_are_joined_without_the_empty_ones(header):
    columns = Columns(text_a=("subject", "body") if header else (1, 2), label=3)
    interpreter = _interpreter(columns, header=header)

    def text(subject, body):
        return _interpret(interpreter, ["1", subject, body, "yes"]).text_a

    assert text("No light", "It is dark.") == "No light It is dark."
    assert text("No light", "  ") == "No light"
    assert text("", "It is dark.") == "It is dark."
    with pytest.raises(UnusableRowError) as unusable:
        text("", " ")
    assert unusable.value.reason == interpretation.EMPTY_TEXT


def test_objects_may_lack_some_of_the_joined_columns():
    columns = Columns(text_a=("subject", "body"), label="label")
    interpreter = _interpreter(columns, file_format="jsonl")
    assert _interpret(interpreter, {"body": "dark", "label": "no"}).text_a == "dark"
    fields = {"subject": None, "body": "dark", "label": "no"}
    assert _interpret(interpreter, fields).text_a == "dark"
    with pytest.raises(UnusableRowError):
        _interpret(interpreter, {"label": "no"})


def test_missing_column_names_the_header():
    with pytest.raises(interpretation.ColumnNotFoundError, match=r"no column 'text'.*'txt'"):
        _interpreter(Columns(text_a="text"), header=["txt", "label"])


def test_column_that_stands_twice_is_refused():
    with pytest.raises(interpretation.ColumnNotFoundError, match="more than one column 'text'"):
        _interpreter(Columns(text_a="text"), header=["text", "text"])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (["0", "A"], interpretation.TOO_FEW_COLUMNS),
        ([""], interpretation.TOO_FEW_COLUMNS),
        (["0", "A", "B", "maybe"], interpretation.UNKNOWN_LABEL),
        (["0", "A", "B", "yes "], interpretation.UNKNOWN_LABEL),
        # The label is missing, so that the last column is a text.
        (["0", "A", "B"], interpretation.UNKNOWN_LABEL),
        (["0", "", "B", "yes"], interpretation.EMPTY_TEXT),
        (["0", "A", " \u3000", "yes"], interpretation.EMPTY_TEXT),
    ],
)
def test_unusable_rows(fields, reason):
    with pytest.raises(UnusableRowError) as error:
        _interpret(_interpreter(), fields)
    assert error.value.reason == reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, interpretation.TOO_FEW_COLUMNS),
        (["list"], interpretation.NOT_TEXT),
        ("\ud800", interpretation.UNDECODABLE),
        ("a\0b", interpretation.NUL_CHARACTER),
    ],
)
def test_unusable_json_values(value, reason):
    interpreter = _interpreter(Columns(text_a="t", label="l"), file_format="jsonl")
    with pytest.raises(UnusableRowError) as error:
        _interpret(interpreter, {"t": value, "l": "yes"})
    assert error.value.reason == reason


def test_json_booleans_are_labels():
    interpreter = _interpreter(
        Columns(text_a="t", label="l"), file_format="jsonl", labels=("false", "true")
    )
    assert _interpret(interpreter, {"t": "text", "l": False}).label == "false"


@pytest.mark.parametrize(
    ("label", "outcome"),
    [
        ("5.000", "5.000"),
        ("0", "0"),
        ("5.1", interpretation.LABEL_OUT_OF_RANGE),
        ("nan", interpretation.LABEL_OUT_OF_RANGE),
        ("inf", interpretation.LABEL_OUT_OF_RANGE),
        ("four", interpretation.LABEL_NOT_A_NUMBER),
        ("", interpretation.LABEL_NOT_A_NUMBER),
    ],
)
def test_regression_labels(label, outcome):
    interpreter = _interpreter(labels=(), label_range=(0.0, 5.0))
    try:
        found = _interpret(interpreter, ["0", "A", "B", label]).label
    except UnusableRowError as error:
        found = error.reason
    assert found == outcome


def test_unusable_id_falls_back_to_the_number():
    interpreter = _interpreter(Columns(text_a="t", guid="id"), file_format="jsonl")
    assert interpreter.guid({"t": "x", "id": "r1"}, 7) == "r1"
    assert interpreter.guid({"t": "x", "id": None}, 7) == "train-7"
    assert interpreter.guid({"t": "x"}, 7) == "train-7"


def test_serialized_features():
    pair = RawExample("dev-1", "Ä", "B", "yes", "a.tsv", 2)
    assert tf_examples.decode(pair.serialize()) == {
        "guid": [b"dev-1"],
        "text_a": ["Ä".encode()],
        "text_b": [b"B"],
        "label": [b"yes"],
        "source_file": [b"a.tsv"],
        "source_line": [2],
    }
    # The name of a file may not be UTF-8.
    single = RawExample("dev-caf\udce9", "A", None, None, "caf\udce9.tsv", 2)
    assert tf_examples.decode(single.serialize()) == {
        "guid": [b"dev-caf\xe9"],
        "text_a": [b"A"],
        "source_file": [b"caf\xe9.tsv"],
        "source_line": [2],
    }
