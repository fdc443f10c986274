"""Submission files of all tasks, against what the leaderboard's instructions ask for."""

import logging
import pathlib

import numpy as np
import pytest

from components.example_gen.classification.glue_tasks import GLUE_TASKS
from components.serving import glue_submission
from components.serving.glue_submission import SubmissionError

# GLUE's sample submission: name of the file, and what a prediction looks like.
FILES = {
    "ax": ("AX.tsv", {"contradiction", "entailment", "neutral"}),
    "cola": ("CoLA.tsv", {"0", "1"}),
    "mnli_matched": ("MNLI-m.tsv", {"contradiction", "entailment", "neutral"}),
    "mnli_mismatched": ("MNLI-mm.tsv", {"contradiction", "entailment", "neutral"}),
    "mrpc": ("MRPC.tsv", {"0", "1"}),
    "qnli": ("QNLI.tsv", {"entailment", "not_entailment"}),
    "qqp": ("QQP.tsv", {"0", "1"}),
    "rte": ("RTE.tsv", {"entailment", "not_entailment"}),
    "sst-2": ("SST-2.tsv", {"0", "1"}),
    "sts-b": ("STS-B.tsv", None),
    "wnli": ("WNLI.tsv", {"0", "1"}),
}
# Rows of the test files: TensorFlow Datasets' catalog of GLUE, where the two halves of MNLI are
# "test_matched" and "test_mismatched".
NUM_ROWS = {
    "ax": 1104,
    "cola": 1063,
    "mnli_matched": 9796,
    "mnli_mismatched": 9847,
    "mrpc": 1725,
    "qnli": 5463,
    "qqp": 390965,
    "rte": 3000,
    "sst-2": 1821,
    "sts-b": 1379,
    "wnli": 146,
}


class FakeModel:
    """Predicts the labels in turn; the number of a regression is beyond the range."""

    path = "fake"

    def __init__(self, labels):
        self.labels = labels
        self.kind = "classification" if labels else "regression"
        self.seen = []

    def predict(self, text_a, text_b):
        numbers = range(len(self.seen), len(self.seen) + len(text_a))
        self.seen += list(zip(text_a, text_b, strict=True))
        if not self.labels:
            return {"scores": np.array([7.5 - number / 3 for number in numbers])}
        names = np.array([label.encode() for label in self.labels], object)
        return {
            "label": names[[number % len(names) for number in numbers]],
            "labels": np.array([names for _ in numbers], object),
        }


def _write_test_file(directory, task, num_rows):
    dataset = GLUE_TASKS[task]
    columns = dataset.columns_of("test")
    width = max(columns.text_a, columns.text_b or 0) + 1
    lines = ["\t".join(f"column {i}" for i in range(width))]
    for number in range(num_rows):
        lines.append("\t".join([str(number), *(f"text {number} {i}" for i in range(1, width))]))
    (directory / dataset.splits["test"].pattern).write_text("\n".join(lines) + "\n")


def test_every_task_of_the_benchmark_has_a_file():
    assert set(FILES) == set(glue_submission.task_names()) == set(GLUE_TASKS)


@pytest.mark.parametrize("task", sorted(FILES))
def test_rows_header_and_labels(task, tmp_path, caplog):
    name, legal = FILES[task]
    _write_test_file(tmp_path, task, 70)
    model = FakeModel(GLUE_TASKS[task].labels)
    with caplog.at_level(logging.WARNING):
        path = glue_submission.write(
            model, task, data_root=str(tmp_path), directory=str(tmp_path / "out"), batch_size=32
        )
    assert path == str(tmp_path / "out" / name)
    header, *rows = (tmp_path / "out" / name).read_text().splitlines()
    assert header == "index\tprediction"
    indices, predictions = zip(*(row.split("\t") for row in rows), strict=True)
    assert list(indices) == [str(number) for number in range(70)]
    if legal is None:
        assert predictions[0] == "5.000"
        assert predictions[10] == "4.167"
        assert predictions[-1] == "0.000"
    else:
        assert set(predictions) == legal
    assert all(a.startswith("text") for a, _ in model.seen)
    assert f"the test file has 70 rows; GLUE's own has {NUM_ROWS[task]:,}" in caplog.text


# Not QQP, whose 390,965 rows take longer than all others together.
@pytest.mark.parametrize("task", sorted(set(FILES) - {"qqp"}))
def test_as_many_rows_as_the_leaderboard_takes_give_no_warning(task, tmp_path, caplog):
    _write_test_file(tmp_path, task, NUM_ROWS[task])
    with caplog.at_level(logging.WARNING):
        path = glue_submission.write(
            FakeModel(GLUE_TASKS[task].labels),
            task,
            data_root=str(tmp_path),
            directory=str(tmp_path / "out"),
            batch_size=4096,
        )
    last = pathlib.Path(path).read_text().splitlines()[-1]
    assert last.startswith(f"{NUM_ROWS[task] - 1}\t")
    assert caplog.text == ""


def test_rows_that_cannot_be_read_get_a_prediction_and_are_named(tmp_path, caplog):
    (tmp_path / "test.tsv").write_bytes(b"index\tsentence\n0\tgood\n1\n2\t\n3\t\xff\n4\tgood\n")
    with caplog.at_level(logging.WARNING):
        path = glue_submission.write(
            FakeModel(("0", "1")),
            "sst-2",
            data_root=str(tmp_path),
            directory=str(tmp_path),
            batch_size=2,
        )
    assert len(pathlib.Path(path).read_text().splitlines()) == 6
    assert "3 rows cannot be read" in caplog.text
    assert "line 3 (too few columns), line 4 (empty text), line 5 (undecodable" in caplog.text


def test_models_of_other_tasks_are_refused(tmp_path):
    _write_test_file(tmp_path, "rte", 2)
    common = {"data_root": str(tmp_path), "directory": str(tmp_path), "batch_size": 2}
    with pytest.raises(SubmissionError, match=r"rte has the labels .* trained for \['0', '1'\]"):
        glue_submission.write(FakeModel(("0", "1")), "rte", **common)
    with pytest.raises(SubmissionError, match="needs a model for classification"):
        glue_submission.write(FakeModel(()), "rte", **common)
    assert not (tmp_path / "RTE.tsv").exists()


@pytest.mark.real_data
@pytest.mark.parametrize("task", ["CoLA", "SST-2", "MRPC", "RTE", "STS-B", "WNLI"])
def test_real_test_files_have_the_expected_numbers_of_rows(task, data_root, tmp_path, caplog):
    name = task.lower()
    with caplog.at_level(logging.WARNING):
        path = glue_submission.write(
            FakeModel(GLUE_TASKS[name].labels),
            name,
            data_root=str(data_root / "glue" / task),
            directory=str(tmp_path),
            batch_size=512,
        )
    source = data_root / "glue" / task / "test.tsv"
    lines = [line for line in source.read_bytes().split(b"\n") if line.strip()]
    assert len(pathlib.Path(path).read_text().splitlines()) == len(lines)
    # No warning: all rows are legible, and as many as GLUE has.
    assert caplog.text == ""
