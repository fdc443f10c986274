"""Rows of all forms, with a model whose scores are the shares of two letters, `a` and `b`."""

import json
import math

import pandas as pd
import pytest

import xlnet_pipeline


@pytest.fixture(scope="module")
def model(pushed):
    return xlnet_pipeline.open_model(pushed)


def test_the_newest_version_is_found_from_the_output_the_pushed_folder_and_the_version(pushed):
    for folder, version in ((pushed, 12), (pushed / "serving", 12), (pushed / "serving/3", 3)):
        assert xlnet_pipeline.open_model(folder).version == version


def test_a_run_that_pushed_elsewhere_or_nothing(pushed, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(f"run: {{output_root: x, push_to: {pushed}/serving}}\n")
    assert xlnet_pipeline.open_model(tmp_path).version == 12
    config.write_text("run: {output_root: x, push_to: null}\n")
    with pytest.raises(FileNotFoundError, match=r"has pushed no model to .*/serving: it did not"):
        xlnet_pipeline.open_model(tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no model"):
        xlnet_pipeline.open_model(tmp_path / "nowhere")


def test_texts_and_mappings(model):
    rows = ["aaab", {"text_a": "a", "text_b": "b"}, {"text_a": "b", "id": 3}]
    found = model.predict(iter(rows), batch_size=2)
    assert [row["label"] for row in found] == ["a", "a", "b"]
    assert [row["scores"] for row in found] == [[0.75, 0.25], [0.5, 0.5], [0, 1]]
    assert model.predict([]) == []


def test_frames_keep_their_index_and_missing_second_texts_are_empty(model):
    frame = pd.DataFrame(
        {"text_b": ["b", None, math.nan], "text_a": ["a", "ab", "b"], "text": 1}, index=list("xyz")
    )
    found = model.predict(frame)
    assert list(found.index) == ["x", "y", "z"]
    assert list(found.columns) == ["prediction", "score a", "score b"]
    assert found["score a"].tolist() == [0.5, 0.5, 0]
    assert found["prediction"].tolist() == ["a", "a", "b"]
    none = model.predict(frame.iloc[:0])
    assert list(none.columns) == ["prediction", "score a", "score b"]
    assert none.dtypes.equals(found.dtypes)
    assert none.index.equals(frame.index[:0])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a", " "], "row 1: empty text"),
        (["a", 3], "row 1 should be a text or a mapping, not 3"),
        ([{"text": "a"}], r"row 0 has no column 'text_a'; it has \['text'\]"),
        ([{"text_a": 3}], "row 0: .*int"),
        (pd.DataFrame({"text_a": ["a", None]}, index=["x", "y"]), "row 'y': .*is null"),
        (pd.DataFrame({"text": ["a"]}), "row 0 has no column 'text_a'"),
        (pd.DataFrame([["a", "b"]], columns=["text_a", "text_a"]), "or one of them twice"),
    ],
)
def test_rows_that_cannot_be_used_are_named(model, rows, message):
    with pytest.raises(ValueError, match=message):
        model.predict(rows)


def test_a_single_text_is_not_taken_for_its_letters(model):
    with pytest.raises(TypeError, match=r"predict\(\[text\]\)"):
        model.predict("aab")
    with pytest.raises(TypeError, match=r"predict\(\[row\]\)"):
        model.predict({"text_a": "aab"})
    with pytest.raises(ValueError, match="batch_size must be at least 1, not 0"):
        model.predict(["a"], batch_size=0)


def test_files(model, tmp_path):
    source, target = tmp_path / "in.csv", tmp_path / "out.jsonl"
    source.write_text("id,text_a\n1,aaab\n2,b\n")
    assert model.predict_file(source, target) == 2
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert [(row["id"], row["prediction"]["label"]) for row in rows] == [("1", "a"), ("2", "b")]
    source.write_text("id,text_a\n1,aaab\n2,\n")
    with pytest.raises(ValueError, match=r"in.csv, line 3: empty text"):
        model.predict_file(source, tmp_path / "none.csv")
    assert not (tmp_path / "none.csv").exists()
