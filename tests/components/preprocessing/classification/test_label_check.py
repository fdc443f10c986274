import pytest

from components.preprocessing.classification import label_check


def test_count_of_one_file():
    assert label_check.count([b"yes", b"no", b"yes", b"", b"YES", b""], ["no", "yes"]) == {
        "records": 6,
        "labels/no": 1,
        "labels/yes": 2,
        "unknown/": 2,
        "unknown/YES": 1,
    }
    assert label_check.count([b"0.5", b"0.5", b"good", b"nan"], None) == {
        "records": 4,
        "unknown/good": 1,
        "unknown/nan": 1,
    }
    assert label_check.count([], ["no"]) == {}


def test_texts_taken_for_labels_do_not_make_a_counter_each():
    counts = label_check.count([f"text {number}".encode() for number in range(150)], ["no"])
    assert len(counts) == 102
    assert counts["unknown/(others)"] == 50
    assert counts["records"] == 150
    # Nor does a further batch of the same file.
    counts = label_check.count([b"text 3", b"another", b"no"], ["no"], counts)
    assert len(counts) == 103
    assert counts["unknown/text 3"] == 2
    assert counts["unknown/(others)"] == 51


def test_numbers_for_the_manifest():
    counts = {
        "train": {"records": 3, "labels/no": 1, "labels/yes": 2},
        "eval": {"records": 1, "labels/no": 1},
        "test": {"records": 2, "unknown/": 1, "unknown/?": 1},
        "empty": {},
    }
    assert label_check.check(counts, ["no", "yes"]) == {
        "train/records": 3,
        "train/labels/no": 1,
        "train/labels/yes": 2,
        "train/unknown_labels": 0,
        "eval/records": 1,
        "eval/labels/no": 1,
        "eval/labels/yes": 0,
        "eval/unknown_labels": 0,
        "test/records": 2,
        "test/labels/no": 0,
        "test/labels/yes": 0,
        "test/unknown_labels": 2,
        "empty/records": 0,
        "empty/labels/no": 0,
        "empty/labels/yes": 0,
        "empty/unknown_labels": 0,
    }
    assert label_check.check({"train": {"records": 2}}, None) == {
        "train/records": 2,
        "train/unknown_labels": 0,
    }


@pytest.mark.parametrize("split", ["train", "eval"])
def test_unknown_labels_are_listed(split):
    counts = {split: {"records": 5, "labels/yes": 1, "unknown/YES": 2, "unknown/": 2}}
    with pytest.raises(
        label_check.LabelError,
        match=rf"In split '{split}' 4 of 5 .*no label: 2; 'YES': 2.*one of \['no', 'yes'\]",
    ):
        label_check.check(counts, ["no", "yes"])


def test_labels_of_regression_are_numbers():
    with pytest.raises(label_check.LabelError, match=r"1 of 2 .*'good': 1.*a number"):
        label_check.check({"train": {"records": 2, "unknown/good": 1}}, None)
