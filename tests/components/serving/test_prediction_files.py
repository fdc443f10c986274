"""Formatting and writing of predictions, and reading them back."""

import csv
import io
import json

import pytest

from components.example_gen.classification import rows as rows_lib
from components.serving import prediction_files

CLASSES = {"label": "b", "labels": ["a", "b"], "scores": [0.25, 0.75]}


def _written(rows, name):
    return "".join(prediction_files.format_rows(rows, name))


def test_a_table_has_a_column_for_each_score():
    rows = [{"id": 1, "text_a": 'says "no",\nand goes', "prediction": CLASSES}]
    (row,) = csv.DictReader(io.StringIO(_written(rows, "x.csv")))
    assert row == {
        "id": "1",
        "text_a": 'says "no",\nand goes',
        "prediction": "b",
        "score a": "0.25",
        "score b": "0.75",
    }
    assert _written([{"a": "x\ty", "prediction": 1.5}], "x.tsv") == "a\tprediction\nx y\t1.5\n"
    with pytest.raises(prediction_files.PredictionFileError, match="Row 2 has other columns"):
        _written([*rows, {"id": 2, "prediction": CLASSES}], "x.csv")


@pytest.mark.parametrize("name", ["x.csv.gz", "x.jsonl.ZST"])
def test_a_name_of_a_compressed_file_is_refused_before_anything_is_predicted(name, tmp_path):
    def rows():
        raise AssertionError("predicted in vain")
        yield {}

    with pytest.raises(prediction_files.PredictionFileError, match=r"are not compressed; write"):
        prediction_files.write(rows(), str(tmp_path / name))
    assert not list(tmp_path.iterdir())


def test_json_is_an_array_or_lines():
    rows = [{"id": 1, "prediction": CLASSES}, {"text_a": "é", "prediction": CLASSES}]
    assert json.loads(_written(rows, "x.json")) == rows
    assert json.loads(_written([], "x.json")) == []
    assert list(map(json.loads, _written(rows, "x.jsonl").splitlines())) == rows


@pytest.mark.parametrize("text", ["a\rb", "a\r\nb", "a\nb", "a\r", 'says "\r"', "plain"])
def test_what_is_written_can_be_read_again(text):
    written = _written([{"id": "7", "text_a": text, "prediction": 1.5}] * 2, "x.csv").encode()
    items = list(rows_lib.read_csv(io.BytesIO(written), delimiter=",", max_bytes=1000))
    assert [item.fields for item in items] == [
        ["id", "text_a", "prediction"],
        *[["7", text, "1.5"]] * 2,
    ]
    assert not written.endswith(b"\r\n")


ANSWER = {"answer": "Ada", "answers": ["Ada"], "scores": [1.0], "null_score": -2.0}


@pytest.mark.parametrize(
    ("column", "prediction"),
    [("score a", CLASSES), ("answers", ANSWER), ("scores", ANSWER), ("null_score", ANSWER)],
)
def test_no_column_of_the_user_s_is_overwritten(column, prediction):
    rows = [{"id": 1, column: "mine", "prediction": prediction}]
    for name in ("x.csv", "x.tsv"):
        with pytest.raises(
            prediction_files.PredictionFileError, match=f"Row 1 .*'{column}'.*Rename"
        ):
            _written(rows, name)
    assert json.loads(_written(rows, "x.jsonl")) == rows[0]


def test_a_second_prediction_over_a_written_table_says_what_to_do():
    (first,) = csv.DictReader(io.StringIO(_written([{"prediction": CLASSES}], "x.csv")))
    del first["prediction"]
    with pytest.raises(prediction_files.PredictionFileError, match="'score a', 'score b'"):
        _written([{**first, "prediction": CLASSES}], "x.csv")


def test_tab_is_a_table():
    assert _written([{"a": "x", "prediction": 1.5}], "x.tab") == "a\tprediction\nx\t1.5\n"
    assert prediction_files.content_type("x.tab") == "text/tab-separated-values"
