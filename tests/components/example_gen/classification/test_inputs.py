"""Finding files, and what is refused before anything runs."""

import dataclasses
import logging

import pytest

from components import files
from components.example_gen.classification import inputs, labels_in_data
from components.example_gen.classification.dataset import Columns, Split, TextDataset
from components.example_gen.classification.interpretation import ColumnNotFoundError


def _dataset(**changes):
    values = {
        "name": "mine",
        "file_format": "tsv",
        "header": True,
        "columns": Columns(text_a="text", label="label"),
        "labels": ("a", "b"),
        "splits": {
            "train": Split("train/*.tsv"),
            "test": Split("test.tsv", required=False, columns=Columns("text")),
        },
        **changes,
    }
    return TextDataset(**values)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "train").mkdir()
    for name, rows in (("b", 1), ("a", 2), ("empty", 0)):
        (tmp_path / "train" / f"{name}.tsv").write_text("label\ttext\n" + "a\tx\n" * rows)
    (tmp_path / "train" / "empty.tsv").write_text("")
    return tmp_path


def test_files_are_sorted_and_know_their_place(root):
    found = inputs.check_inputs(_dataset(), str(root))
    assert list(found) == ["train"]
    assert [(f.name, f.number, f.first_byte, f.num_bytes) for f in found["train"]] == [
        ("train/a.tsv", 0, 0, 19),
        ("train/b.tsv", 1, 19, 15),
        ("train/empty.tsv", 2, 34, 1),
    ]


def test_an_empty_glob_names_the_pattern(root):
    dataset = _dataset(splits={"train": Split("train/*.csv")})
    with pytest.raises(files.NoSuchFilesError, match=r"train/\*\.csv.*split 'train'.*'mine'"):
        inputs.check_inputs(dataset, str(root))


def test_a_missing_data_root_names_the_pattern(tmp_path):
    with pytest.raises(files.NoSuchFilesError, match=r"nowhere/train/\*\.tsv"):
        inputs.check_inputs(_dataset(), str(tmp_path / "nowhere"))


def test_optional_splits_alone_are_not_enough(tmp_path):
    dataset = _dataset(splits={"test": Split("test.tsv", required=False)})
    with pytest.raises(files.NoSuchFilesError, match=r"any of \['.*test\.tsv'\]"):
        inputs.check_inputs(dataset, str(tmp_path))


def test_a_missing_column_is_found_before_anything_runs(root):
    dataset = _dataset(columns=Columns(text_a="sentence", label="label"))
    with pytest.raises(ColumnNotFoundError, match=r"a\.tsv has no column 'sentence'.*'text'"):
        inputs.check_inputs(dataset, str(root))


def test_absolute_patterns_do_not_need_the_root(root):
    dataset = _dataset(splits={"train": Split(str(root / "train" / "a.tsv"))})
    (file,) = inputs.check_inputs(dataset, "gs://elsewhere")["train"]
    assert (file.path, file.name) == (str(root / "train" / "a.tsv"), "a.tsv")


def test_files_in_two_splits_are_warned_of(root, caplog):
    dataset = _dataset(splits={"train": Split("train/*.tsv"), "eval": Split("train/b.tsv")})
    with caplog.at_level(logging.WARNING):
        inputs.check_inputs(dataset, str(root))
    assert "b.tsv is read for both train and eval" in caplog.text


def test_a_format_without_rows_of_names_has_no_header(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "x", "label": "a"}')
    dataset = _dataset(file_format="jsonl", splits={"train": Split("a.jsonl")})
    assert list(inputs.check_inputs(dataset, str(tmp_path))) == ["train"]


def test_guids_of_several_files_hold_the_name(root):
    dataset = _dataset()
    (file, *_) = inputs.find_files(dataset, str(root))["train"]
    assert inputs.row_guid_prefix(dataset, file) == "train-train/a.tsv"
    single = _dataset(splits={"train": Split("train/a.tsv", guid_prefix="t")})
    (file,) = inputs.find_files(single, str(root))["train"]
    assert inputs.row_guid_prefix(single, file) == "t"


def test_placeholders_of_tfx_stand_for_anything(root):
    dataset = _dataset(splits={"train": Split("train/{SPAN:1}.tsv")})
    assert len(inputs.check_inputs(dataset, str(root))["train"]) == 3
    with pytest.raises(files.NoSuchFilesError, match=r"train/day-\*\.tsv"):
        inputs.check_inputs(_dataset(splits={"train": Split("train/day-{SPAN}.tsv")}), str(root))
    (root / "train" / "b.tsv").write_text("label\ttext\n" + "b\tx\nb\ty\n")
    assert labels_in_data.find(dataset, str(root)).labels == ("a", "b")


def test_namesakes_are_told_apart(tmp_path):
    for part in ("a", "b"):
        (tmp_path / part / "pos").mkdir(parents=True)
        (tmp_path / part / "pos" / "1.txt").write_text(f"A text of {part}.")
    (tmp_path / "b" / "pos" / "2.txt").write_text("Another.")
    dataset = TextDataset(
        name="x",
        file_format="folders",
        labels=("pos", "neg"),
        splits={"train": Split("*/pos/*.txt")},
    )
    found = inputs.find_files(dataset, str(tmp_path))["train"]
    guids = [
        item.fields["guid"]
        for file in found
        for item in inputs.read_items(dataset, file, max_bytes=100)
    ]
    assert guids == ["train-a/pos/1", "train-b/pos/1", "train-pos-2"]
    # And so are files that lie elsewhere.
    elsewhere = dataclasses.replace(dataset, splits={"train": Split(f"{tmp_path}/*/pos/1.txt")})
    names = [file.name for file in inputs.find_files(elsewhere, "/nowhere")["train"]]
    assert names == [str(tmp_path / part / "pos" / "1.txt") for part in ("a", "b")]
