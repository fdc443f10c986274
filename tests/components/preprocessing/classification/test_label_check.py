import pytest

from components import tf_examples, tfrecords
from components.preprocessing.classification import label_check


@pytest.fixture
def write(tmp_path):
    def write_labels(name, *labels):
        path = str(tmp_path / f"{name}.gz")
        tfrecords.write_records(
            path,
            [
                tf_examples.encode({"text_a": [b"t"], **({} if la is None else {"label": [la]})})
                for la in labels
            ],
        )
        return path

    return write_labels


def test_counts(write):
    paths = {
        "train": [write("train-0", b"no", b"yes"), write("train-1", b"yes")],
        "eval": [write("eval", b"no")],
        "test": [write("test", None, b"?")],
    }
    assert label_check.count_examples(paths, ["no", "yes"]) == {
        "train/records": 3,
        "train/labels/no": 1,
        "train/labels/yes": 2,
        "eval/records": 1,
        "eval/labels/no": 1,
        "eval/labels/yes": 0,
        "test/records": 2,
        "test/labels/no": 0,
        "test/labels/yes": 0,
    }


def test_regression_counts(write):
    counts = label_check.count_examples({"train": [write("train", b"0.5", b"-3")]}, None)
    assert counts == {"train/records": 2}


@pytest.mark.parametrize("split", ["train", "eval"])
def test_unknown_labels_are_listed(write, split):
    paths = {split: [write(split, b"yes", b"YES", None, b"YES", b"")]}
    with pytest.raises(
        label_check.LabelError,
        match=rf"In split '{split}' 4 of 5 .*no label: 2; 'YES': 2.*one of \['no', 'yes'\]",
    ):
        label_check.count_examples(paths, ["no", "yes"])


def test_labels_of_regression_are_numbers(write):
    with pytest.raises(label_check.LabelError, match=r"1 of 2 .*'good': 1.*a number"):
        label_check.count_examples({"train": [write("train", b"0.5", b"good")]}, None)
