"""The built-in data sets on real files, against the published reading rule and golden texts."""

import collections
import csv
import gzip
import json

import pytest

from components import tf_examples
from components.example_gen.classification import inputs
from components.example_gen.classification.file_conversion import BLANK, DEAD, convert_file
from components.example_gen.classification.plan import make_plan
from components.example_gen.classification.tasks import get_task

# Task, folder, file, first row that is data, columns of text_a, text_b and label: as
# gluebenchmark.com's files are laid out, written down here a second time.
_FILES = [
    ("cola", "CoLA", "train.tsv", 0, 3, None, 1),
    ("cola", "CoLA", "dev.tsv", 0, 3, None, 1),
    ("cola", "CoLA", "test.tsv", 1, 1, None, None),
    ("sst-2", "SST-2", "train.tsv", 1, 0, None, 1),
    ("sst-2", "SST-2", "dev.tsv", 1, 0, None, 1),
    ("sst-2", "SST-2", "test.tsv", 1, 1, None, None),
    ("mrpc", "MRPC", "train.tsv", 1, 3, 4, 0),
    ("mrpc", "MRPC", "dev.tsv", 1, 3, 4, 0),
    ("mrpc", "MRPC", "test.tsv", 1, 3, 4, None),
    ("rte", "RTE", "train.tsv", 1, 1, 2, 3),
    ("rte", "RTE", "dev.tsv", 1, 1, 2, 3),
    ("rte", "RTE", "test.tsv", 1, 1, 2, None),
    ("wnli", "WNLI", "train.tsv", 1, 1, 2, 3),
    ("wnli", "WNLI", "dev.tsv", 1, 1, 2, 3),
    ("wnli", "WNLI", "test.tsv", 1, 1, 2, None),
    ("sts-b", "STS-B", "train.tsv", 1, 7, 8, 9),
    ("sts-b", "STS-B", "dev.tsv", 1, 7, 8, 9),
    ("sts-b", "STS-B", "test.tsv", 1, 7, 8, None),
    ("mnli_matched", "MNLI", "dev_matched.tsv", 1, 8, 9, 15),
    ("mnli_mismatched", "MNLI", "dev_mismatched.tsv", 1, 8, 9, 15),
]
_SPLITS = {"train": "train", "dev": "eval", "test": "test"}


def _convert(task, root, split):
    """Examples of one split in the order of its files, and the counts."""
    dataset = get_task(task).with_splits([split])
    input_files = inputs.check_inputs(dataset, str(root))
    plan = make_plan(dataset, input_files, seed=0, shard_bytes=1 << 30, max_row_bytes=10**7)
    counts = collections.Counter()
    examples = []
    for file in input_files[split]:
        for output in convert_file(plan, file, counts):
            if output.is_example:
                features = tf_examples.decode(output.content)
                examples.append({name: values[0] for name, values in features.items()})
    return examples, counts


def _text(example, name):
    return example[name].decode() if name in example else None


@pytest.mark.real_data
@pytest.mark.parametrize(("task", "folder", "file", "first", "a", "b", "label"), _FILES)
def test_glue_files_as_the_reference_reads_them(data_root, task, folder, file, first, a, b, label):
    split = _SPLITS[file.split(".")[0].split("_")[0]]
    prefix = file.split(".")[0].split("_")[0]
    root = data_root / "glue" / folder
    with open(root / file, encoding="utf-8", newline="\n") as lines:
        rows = [row for row in csv.reader(lines, delimiter="\t", quotechar=None) if row]
    expected = [
        (
            f"{prefix}-{i}",
            row[a],
            None if b is None else row[b],
            None if label is None else row[label],
        )
        for i, row in enumerate(rows)
        if i >= first
    ]

    examples, counts = _convert(task, root, split)
    found = [
        tuple(_text(example, name) for name in ("guid", "text_a", "text_b", "label"))
        for example in examples
    ]
    assert len(expected) > 70
    assert found == expected
    assert not [counter for counter in counts if counter[1] in (DEAD, BLANK)]
    # Line numbers lead back to the row.
    lines = (root / file).read_bytes().split(b"\n")
    for example in examples[:: max(1, len(examples) // 50)]:
        assert example["text_a"] in lines[example["source_line"] - 1]
        assert example["source_file"] == file.encode()


@pytest.mark.real_data
@pytest.mark.golden
@pytest.mark.parametrize(
    ("golden_file", "task", "folder"),
    [
        ("mnli_matched.len-128", "mnli_matched", "MNLI"),
        ("sst-2.len-64", "sst-2", "SST-2"),
        ("rte.len-24", "rte", "RTE"),
        ("sts-b.len-128", "sts-b", "STS-B"),
    ],
)
def test_texts_and_labels_equal_the_references(data_root, golden_root, golden_file, task, folder):
    path = golden_root / "classification" / f"{golden_file}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        header, *golden = map(json.loads, lines)
    examples, _ = _convert(task, data_root / "glue" / folder, "eval")
    assert len(examples) == len(golden) == header["n"]
    if header["labels"]:
        assert get_task(task).labels == tuple(header["labels"])
    for example, expected in zip(examples, golden, strict=True):
        for name in ("guid", "text_a", "text_b"):
            assert _text(example, name) == expected[name]
        label = _text(example, "label")
        assert (float(label) if get_task(task).is_regression else label) == expected["label"]


@pytest.mark.real_data
@pytest.mark.parametrize(("split", "folder"), [("train", "train"), ("eval", "test")])
def test_imdb_folders(data_root, split, folder):
    root = data_root / "imdb"
    examples, counts = _convert("imdb", root, split)
    paths = [path for label in ("neg", "pos") for path in sorted((root / folder / label).iterdir())]
    assert len(examples) == len(paths) == 1000
    for example, path in zip(examples, paths, strict=True):
        text = path.read_bytes().decode().strip().replace("<br />", " ")
        assert _text(example, "text_a") == text
        assert _text(example, "label") == path.parent.name
        assert _text(example, "source_file") == f"{folder}/{path.parent.name}/{path.name}"
    assert len({example["guid"] for example in examples}) == 1000
    assert not [counter for counter in counts if counter[1] == DEAD]


@pytest.mark.real_data
@pytest.mark.parametrize(("split", "file"), [("train", "train.csv"), ("eval", "test.csv")])
def test_yelp_as_the_reference_reads_it(data_root, split, file):
    root = data_root / "yelp5"
    with open(root / file, encoding="utf-8", newline="\n") as lines:
        rows = list(csv.reader(lines))
    expected = [
        (row[0], row[1].replace('""', '"').replace('\\"', '"'), f"{split}-{i}")
        for i, row in enumerate(rows)
    ]
    examples, counts = _convert("yelp-5", root, split)
    found = [
        tuple(_text(example, name) for name in ("label", "text_a", "guid")) for example in examples
    ]
    assert found == expected
    assert not [counter for counter in counts if counter[1] == DEAD]


@pytest.mark.parametrize(
    ("task", "rows", "expected"),
    [
        # Layouts whose real files are not at hand, by hand from the tasks' pages.
        (
            "qqp",
            {
                "train.tsv": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
                "133273\t213221\t213222\tHow?\tWhy?\t1\n",
                "test.tsv": "id\tquestion1\tquestion2\n0\tWho?\tWhere?\n",
            },
            {"train": ("How?", "Why?", "1"), "test": ("Who?", "Where?", None)},
        ),
        (
            "qnli",
            {
                "train.tsv": "index\tquestion\tsentence\tlabel\n0\tWhen?\tThen.\tnot_entailment\n",
                "test.tsv": "index\tquestion\tsentence\n0\tWho?\tHe.\n",
            },
            {"train": ("When?", "Then.", "not_entailment"), "test": ("Who?", "He.", None)},
        ),
        (
            "mnli_mismatched",
            {
                # One annotator's label before the gold label, where dev has five.
                "train.tsv": "\t".join("0123456789ab")
                + "\n"
                + "\t".join(["0"] * 8 + ["P", "H", "neutral", "entailment"])
                + "\n",
                "test_mismatched.tsv": "\t".join("0123456789")
                + "\n"
                + "\t".join(["0"] * 8 + ["P", "H"])
                + "\n",
            },
            {"train": ("P", "H", "entailment"), "test": ("P", "H", None)},
        ),
        (
            "ax",
            {"diagnostic.tsv": "index\tsentence1\tsentence2\n0\tA.\tB.\n"},
            {"test": ("A.", "B.", None)},
        ),
    ],
)
def test_layouts_of_other_tasks(tmp_path, task, rows, expected):
    for name, content in rows.items():
        (tmp_path / name).write_text(content)
    for split, values in expected.items():
        (example,), _ = _convert(task, tmp_path, split)
        assert tuple(_text(example, name) for name in ("text_a", "text_b", "label")) == values


def test_imdb_leaves_unlabelled_reviews_alone(tmp_path):
    for folder in ("neg", "pos", "unsup"):
        (tmp_path / "train" / folder).mkdir(parents=True)
        (tmp_path / "train" / folder / "0_1.txt").write_text("Fine.<br /><br />Really. \n")
    examples, counts = _convert("imdb", tmp_path, "train")
    assert [(example["guid"], example["label"], example["text_a"]) for example in examples] == [
        (b"train-neg-0_1", b"neg", b"Fine.  Really."),
        (b"train-pos-0_1", b"pos", b"Fine.  Really."),
    ]
    assert {what for _, what, _ in counts} == {"read", "produced"}
