"""The command as a person uses it, with a small model."""

import io
import json

import numpy as np
import pytest
import tensorflow as tf

from components.export import input_columns
from components.export.input_columns import InputColumns
from components.serving.pushed_model import PushedModel, Signature
from pipeline.cli import main
from tests.components.serving.conftest import save


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    directory = tmp_path_factory.mktemp("pushed")
    save(directory, 1)
    return str(directory)


def test_a_file_becomes_json_lines(model, tmp_path, capsys):
    (tmp_path / "texts.txt").write_text("aab\nbé\n")
    output = tmp_path / "scores.jsonl"
    arguments = ["predict", model, str(tmp_path / "texts.txt"), "--output", str(output)]
    assert main(arguments) == 0
    first, second = map(json.loads, output.read_text().splitlines())
    assert (first["text_a"], first["prediction"]["label"]) == ("aab", "a")
    assert (second["text_a"], second["prediction"]["label"]) == ("bé", "b")
    assert main(arguments[:3]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_half_a_surrogate_pair_beside_a_text_can_be_printed(model, tmp_path, capsysbinary):
    (tmp_path / "texts.jsonl").write_text(r'{"text_a": "a", "x": "\ud83d"}')
    assert main(["predict", model, str(tmp_path / "texts.jsonl")]) == 0
    assert json.loads(capsysbinary.readouterr().out)["x"] == "\ud83d"


def test_the_name_of_the_output_says_its_form(model, tmp_path):
    (tmp_path / "texts.csv").write_text("id,text_a\n7,aab\n")
    output = tmp_path / "scores.csv"
    assert main(["predict", model, str(tmp_path / "texts.csv"), "--output", str(output)]) == 0
    header, row = output.read_text().splitlines()
    assert header == "id,text_a,prediction,score a,score b"
    assert row.startswith("7,aab,a,0.666")


@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_a_table_with_tabs_can_be_read_again_by_its_model(tmp_path, delimiter):
    save(tmp_path, 1)
    input_columns.write(str(tmp_path / "1"), InputColumns(csv_delimiter=delimiter))
    texts = ['"aab', 'say "b"', '""', "b"]
    source, output = tmp_path / "in.jsonl", tmp_path / "out.tsv"
    source.write_text("".join(json.dumps({"text_a": text}) + "\n" for text in texts))
    assert main(["predict", str(tmp_path), str(source), "--output", str(output)]) == 0
    output.write_text(output.read_text().replace("prediction", "before").replace("score", "was"))
    again = tmp_path / "again.jsonl"
    assert main(["predict", str(tmp_path), str(output), "--output", str(again)]) == 0
    rows = [json.loads(line) for line in again.read_text().splitlines()]
    assert [row["text_a"] for row in rows] == texts
    assert [row["prediction"]["label"] for row in rows] == [row["before"] for row in rows]


def test_nothing_is_left_behind_if_a_row_is_wrong(model, tmp_path, capsys):
    (tmp_path / "texts.jsonl").write_text('{"text_a": "a"}\n{"text_a": [1]}\n')
    output = tmp_path / "scores.jsonl"
    assert main(["predict", model, str(tmp_path / "texts.jsonl"), "--output", str(output)]) == 1
    assert "texts.jsonl, line 2: column is not text" in capsys.readouterr().err
    assert not output.exists()


def test_standard_input_and_a_conversation(model, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"ab\n")))
    assert main(["predict", model, "-"]) == 0
    assert json.loads(capsys.readouterr().out)["prediction"]["scores"] == [0.5, 0.5]
    typed = iter(["aab", "", "   "])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    assert main(["predict", model]) == 0
    assert capsys.readouterr().out == "  0.667  a\n  0.333  b\n"


def test_what_is_typed_is_cleaned_and_checked_as_files_are(tmp_path, monkeypatch, capsys):
    save(tmp_path, 1)
    input_columns.write(str(tmp_path / "1"), InputColumns(replacements=(("x", "a"), ("-", ""))))
    typed = iter(["xab", "", "-", "", "a\0b", "", "b", "", ""])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    assert main(["predict", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert printed.out == "  0.667  a\n  0.333  b\n  0.000  a\n  1.000  b\n"
    assert "The input: empty text" in printed.err
    assert "The input: NUL character" in printed.err


class _LongestOption:
    """Chooses the longest of three options."""

    kind = "multiple_choice"
    path = "longest"
    columns = InputColumns()

    def __init__(self):
        text = tf.TensorSpec([None], tf.string)
        options = tf.TensorSpec([None, 3], tf.string)
        inputs = {"options": options, "text_a": text, "text_b": text}
        self.signatures = {"serving_default": Signature(inputs, {})}

    def predict(self, *, text_a, text_b, options):
        assert (text_a, text_b) == (["Rain fell."], [""])
        lengths = np.array([[len(option) for option in options[0]]])
        return {
            "scores": lengths / lengths.sum(),
            "labels": np.array([[b"A", b"B", b"C"]], object),
            "option": np.array([max(options[0], key=len).encode()], object),
        }


def test_a_conversation_asks_for_every_option(monkeypatch, capsys):
    monkeypatch.setattr(PushedModel, "latest", lambda directory: _LongestOption())
    typed = iter(["Rain fell.", "", "it", "it was wet", "then sun", ""])
    prompts = []

    def answer(prompt):
        prompts.append(prompt)
        return next(typed)

    monkeypatch.setattr("builtins.input", answer)
    assert main(["predict", "longest"]) == 0
    assert prompts[:5] == ["text_a: ", "text_b: ", "options 1: ", "options 2: ", "options 3: "]
    assert capsys.readouterr().out == "  it was wet\n  0.100  A\n  0.500  B\n  0.400  C\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["x.txt", "--glue", "rte"], "Give one of"),
        (["--glue", "rte"], "need --output"),
        (["--glue", "squad", "--output", "x"], "legal are ax, cola"),
        (["--glue", "rte", "--output", "x"], "needs --data"),
        (["-", "--batch-size", "0"], "at least 1"),
        (["--output", "x.csv"], "--output needs something to predict"),
        (["x.txt", "--data", "folder"], "name the task with --glue"),
        (["x.txt", "--output", "x.csv.gz"], "write them to x.csv instead of x.csv.gz"),
    ],
)
def test_contradictions_are_named_before_anything_is_loaded(arguments, reason, capsys):
    assert main(["predict", "nowhere", *arguments]) == 1
    assert reason in capsys.readouterr().err


def test_completion_knows_the_commands(capsys):
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert "--glue" in script
    assert "serve" in script
