"""RACE's files to examples and dead letters, against a sample written by hand."""

import json

import pytest

from components.example_gen.classification.dataset import Columns, DatasetError, Split, TextDataset
from components.example_gen.classification.tasks import get_task

ARTICLE = "Nora keeps two hens.\nThey sleep in a shed that Nora painted green."
OPTIONS = [["two", "three", "four", "none"], ["a dog", "a shed", "rain", "Sam"]]
GOOD = {
    "answers": ["A", "B"],
    "options": OPTIONS,
    "questions": ["How many hens has Nora?", "Nora painted _ green."],
    "article": ARTICLE,
    "id": "high7.txt",
}


def write(root, **contents):
    """Files by `split__level__stem`; what is no bytes is written as JSON."""
    for place, content in contents.items():
        split, level, stem = place.split("__")
        path = root / split / level / f"{stem}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def changed(**changes):
    return {key: value for key, value in {**GOOD, **changes}.items() if value is not None}


def only_dev(convert, root, **arguments):
    return convert(get_task("race").with_splits(["eval"]), root, **arguments)


def test_a_file_gives_an_example_for_each_question(convert, tmp_path):
    write(
        tmp_path,
        train__middle__1=GOOD,
        dev__middle__3=changed(answers=["D", "C"]),
        dev__high__7=GOOD,
    )
    converted = convert(get_task("race"), tmp_path)
    assert converted.examples["eval"][0] == {
        "guid": "dev-high-7-0",
        "text_a": ARTICLE,
        "text_b": "How many hens has Nora?",
        "options": ["two", "three", "four", "none"],
        "label": "A",
        "level": "high",
        "source_file": "dev/high/7.txt",
        "source_line": 1,
    }
    rows = [
        (example["guid"], example["label"], example["level"], example["source_line"])
        for example in converted.examples["eval"]
    ]
    assert rows == [
        ("dev-high-7-0", "A", "high", 1),
        ("dev-high-7-1", "B", "high", 2),
        ("dev-middle-3-0", "D", "middle", 1),
        ("dev-middle-3-1", "C", "middle", 2),
    ]
    assert sorted(example["guid"] for example in converted.examples["train"]) == [
        "train-middle-1-0",
        "train-middle-1-1",
    ]
    assert converted.counts["eval"] == {"read": 4, "produced": 4, "blank": 0, "dead": {}}


BROKEN_FILES = {
    "json": (b'{"answers": ["A"', "malformed JSON"),
    "list": ([GOOD], "malformed JSON"),
    "bytes": (json.dumps(GOOD).encode().replace(b"Nora", b"N\xffra", 1), "undecodable bytes"),
    "key": (changed(article=None), "missing key"),
    "type": (changed(questions="How many?"), "not a list"),
    "counts": (
        changed(answers=["A"]),
        "different numbers of questions, options and answers",
    ),
    "empty": (changed(questions=[], options=[], answers=[]), "no questions"),
    "large": (changed(article="hens " * 30_000), "file too large"),
}

# Beyond the one row that every dead letter is: GOOD has two questions.
MORE_LOST = {"list": 1, "bytes": 1, "key": 1, "type": 1, "counts": 1}


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_a_file_that_cannot_be_used_is_one_dead_letter(convert, tmp_path, name):
    content, reason = BROKEN_FILES[name]
    write(tmp_path, dev__high__1=content, dev__high__2=GOOD)
    converted = only_dev(convert, tmp_path)
    (letter,) = converted.dead_letters["eval"]
    assert letter["source"].endswith("dev/high/1.txt")
    assert (letter["position"], letter["reason"]) == ("the whole file", reason)
    counts = converted.counts["eval"]
    # It weighs its questions, as far as they can be counted.
    assert counts.pop("more lost", 0) == MORE_LOST.get(name, 0)
    assert counts == {"read": 3, "produced": 2, "blank": 0, "dead": {reason: 1}}


BROKEN_QUESTIONS = {
    "answer": (changed(answers=["A", "E"]), "unknown label"),
    "small letter": (changed(answers=["A", "b"]), "unknown label"),
    "no answer": (changed(answers=["A", None]), "too few columns"),
    "three options": (changed(options=[OPTIONS[0], OPTIONS[1][:3]]), "wrong number of options"),
    "no list": (changed(options=[OPTIONS[0], "a shed"]), "column is not a list"),
    "no text": (changed(options=[OPTIONS[0], [["a"], "b", "c", "d"]]), "column is not text"),
    "empty option": (changed(options=[OPTIONS[0], ["a", " ", "c", "d"]]), "empty text"),
    "empty question": (changed(questions=["How many?", "\n"]), "empty text"),
    "surrogate": (changed(options=[OPTIONS[0], ["\ud800", "b", "c", "d"]]), "undecodable bytes"),
}


@pytest.mark.parametrize("name", BROKEN_QUESTIONS)
def test_a_question_that_cannot_be_used_takes_no_other_along(convert, tmp_path, name):
    content, reason = BROKEN_QUESTIONS[name]
    write(tmp_path, dev__middle__1=content)
    converted = only_dev(convert, tmp_path)
    (letter,) = converted.dead_letters["eval"]
    assert (letter["position"], letter["reason"]) == ("question 2", reason)
    assert letter["excerpt"].startswith('{"guid": "dev-middle-1-1"')
    assert [example["guid"] for example in converted.examples["eval"]] == ["dev-middle-1-0"]
    assert converted.counts["eval"]["dead"] == {reason: 1}


def choices(**changes):
    values = {
        "name": "choices",
        "file_format": "jsonl",
        "columns": Columns("story", label="ending", options="endings", level="topic"),
        "labels": (0, 1),
        "splits": {"eval": Split("*.jsonl")},
        **changes,
    }
    return TextDataset(**values)


def test_json_lines_may_hold_options_too(convert, tmp_path):
    lines = [
        {
            "story": "It rained.",
            "endings": ["Sam got wet.", "Sam flew."],
            "ending": 0,
            "topic": "x",
        },
        {"story": "It rained.", "endings": ["Sam got wet."], "ending": 0, "topic": "x"},
    ]
    (tmp_path / "dev.jsonl").write_text("\n".join(map(json.dumps, lines)))
    converted = convert(choices(), tmp_path)
    (example,) = converted.examples["eval"]
    assert (example["options"], example["label"]) == (["Sam got wet.", "Sam flew."], "0")
    assert (example["level"], example["text_a"]) == ("x", "It rained.")
    assert "text_b" not in example
    (letter,) = converted.dead_letters["eval"]
    assert (letter["position"], letter["reason"]) == ("2", "wrong number of options")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": (), "label_range": (0.0, 1.0)}, "instead of label_range"),
        ({"file_format": "csv", "header": True}, "Write the data as JSONL"),
        ({"file_format": "race"}, "have no columns to name"),
        (
            {"file_format": "race", "columns": None, "hash_split": {"train": 1, "eval": 1}},
            "questions about one passage into several splits",
        ),
        (
            {"splits": {"a": Split("a"), "b": Split("b", Columns("story", label="ending"))}},
            "some splits have options and some have none",
        ),
    ],
)
def test_descriptions_that_contradict_themselves(changes, message):
    with pytest.raises(DatasetError, match=message):
        choices(**changes)
