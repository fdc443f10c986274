import numpy as np
import pytest
import tensorflow as tf

from components.example_gen.classification.dataset import Columns, Split, TextDataset
from components.example_gen.classification.interpretation import RowInterpreter, UnusableRowError
from components.preprocessing.classification import labels


def test_ids_in_the_tasks_order():
    found = labels.to_ids(
        tf.constant(["neutral", "contradiction", "", "entailment", "-"]),
        ["contradiction", "entailment", "neutral"],
    )
    assert found.dtype == tf.int64
    assert found.numpy().tolist() == [2, 0, 0, 1, -1]
    assert labels.to_ids(tf.constant(["é"]), ["e", "é"]).numpy().tolist() == [1]


def test_targets_round_as_python_does():
    # 5e-8 above the middle between two float32 numbers: rounding twice would show.
    texts = ["3.8", "-1", "0.25", " 2.0 ", "1e-3", ".5", "4.", "16777217.0000001", ""]
    found = labels.to_targets(tf.constant(texts))
    assert found.dtype == tf.float32
    expected = [np.float32(float(text)) if text else 0 for text in texts]
    assert found.numpy().tolist() == expected


def test_text_that_is_no_number_is_nan():
    found = labels.to_targets(tf.constant(["good", "nan", "1,5", "3.8\v", "3.8"]))
    assert np.isnan(found.numpy()).tolist() == [True] * 4 + [False]


@pytest.mark.parametrize(
    ("label", "names", "expected"),
    [
        (b"1", ["0", "1"], True),
        (b"2", ["0", "1"], False),
        (b"", ["0", "1"], False),
        (b"2.5", None, True),
        (b"1e999", None, False),
        # Infinite only as a float32.
        (b"1e39", None, False),
        (b"-3.4e38", None, True),
        (b"3.8\v", None, False),
        (b"nan", None, False),
        (b"", None, False),
        (b"\xff", None, False),
    ],
)
def test_is_known(label, names, expected):
    assert labels.is_known(label, names) is expected


@pytest.mark.parametrize(
    "label",
    ["2.5", "2.5\u00a0", "\u2003-3 ", "1e-2", ".5", "7.", "1_0", "\u0661", "nan", "1,5", ""],
)
def test_raw_examples_and_records_have_one_idea_of_a_number(label):
    dataset = TextDataset(
        name="x",
        file_format="tsv",
        columns=Columns(text_a=0, label=1),
        label_range=(-5, 10),
        splits={"train": Split("train.tsv")},
    )
    interpreter = RowInterpreter(
        dataset, dataset.columns, source_file="train.tsv", guid_prefix="train", header=None
    )
    try:
        example = interpreter.interpret(["text", label], guid="train-0", line=1)
    except UnusableRowError:
        assert label in ("1_0", "\u0661", "nan", "1,5", "")
        return
    assert float(example.label) == float(label)
    assert labels.is_known(example.label.encode(), None)
    (target,) = labels.to_targets(tf.constant([example.label])).numpy().tolist()
    assert target == np.float32(label.strip())
