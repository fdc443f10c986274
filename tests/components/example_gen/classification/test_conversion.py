"""The conversion in Beam: what is written, in which order, and that workers make no difference."""

import collections
import gzip
import random

import pytest

from components import files
from components.dead_letters import TooManyDeadLettersError
from components.example_gen import lines
from components.example_gen.classification import conversion, file_conversion, outcome
from components.example_gen.classification.dataset import Columns, Split, TextDataset

_TSV = TextDataset(
    name="mine",
    file_format="tsv",
    header=True,
    columns=Columns(text_a="text", label="label"),
    labels=("no", "yes"),
    splits={
        "train": Split("train-*.tsv"),
        "eval": Split("eval.tsv*"),
        "test": Split("test.tsv", columns=Columns("text"), required=False),
    },
)


def _write(folder, name, rows, header="label\ttext"):
    content = "".join(f"{line}\n" for line in [header, *rows]).encode()
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(3):
        # Sorted by label, as many a data set is.
        label = "no" if number < 2 else "yes"
        rows = [f"{label}\ttrain {number} {row}" for row in range(100)]
        _write(folder, f"train-{number}.tsv", rows)
    _write(folder, "eval.tsv", [f"{'no' if i % 2 else 'yes'}\teval {i}" for i in range(150)])
    return folder


def test_examples_and_their_order(convert, data):
    converted = convert(_TSV, data)
    assert converted.examples["eval"] == [
        {
            "guid": f"eval-eval.tsv-{i + 1}",
            "label": "no" if i % 2 else "yes",
            "source_file": "eval.tsv",
            "source_line": i + 2,
            "text_a": f"eval {i}",
        }
        for i in range(150)
    ]
    train = converted.examples["train"]
    assert sorted(example["text_a"] for example in train) == sorted(
        f"train {number} {row}" for number in range(3) for row in range(100)
    )
    # Of the first half, 2/3 should be "no": 100 of 150, with a standard deviation below 6.
    assert 75 < sum(example["label"] == "no" for example in train[:150]) < 125
    assert "test" not in converted.examples
    assert not (converted.directory / "Split-test").exists()


def test_counts_and_counters(convert, data):
    (data / "test.tsv").write_bytes(b"text\nfirst\n\nbad \xff\n\n \n")
    converted = convert(_TSV, data)
    dead = {"undecodable bytes": 1, "empty text": 1}
    assert converted.counts == {
        "train": {"read": 300, "produced": 300, "blank": 0, "dead": {}},
        "eval": {"read": 150, "produced": 150, "blank": 0, "dead": {}},
        "test": {"read": 3, "produced": 1, "blank": 2, "dead": dead},
    }
    assert converted.metrics == {
        "train/read": 300,
        "train/produced": 300,
        "eval/read": 150,
        "eval/produced": 150,
        "test/read": 3,
        "test/produced": 1,
        "test/blank": 2,
        "test/dead/undecodable bytes": 1,
        "test/dead/empty text": 1,
    }
    assert "counts.json" in converted.files()
    assert not [name for name in converted.files() if "provisional" in name]


def test_dead_letters_name_file_line_and_reason(convert, data):
    _write(data, "train-1.tsv", ["no\tfine", "no", "maybe\ttext", "yes\t"])
    converted = convert(_TSV, data)
    assert converted.dead_letters == {
        "train": [
            {
                "source": str(data / "train-1.tsv"),
                "position": str(line),
                "reason": reason,
                "detail": detail,
                "excerpt": excerpt,
            }
            for line, reason, detail, excerpt in (
                (3, "too few columns", "1 columns, 2 are needed", "no"),
                (4, "unknown label", "'maybe'; legal are no, yes", "maybe\ttext"),
                (5, "empty text", "column 1", "yes\t"),
            )
        ],
        "eval": [],
    }


def test_too_many_dead_letters_fail_after_they_are_written(convert, data, tmp_path):
    _write(data, "train-1.tsv", ["no\tfine", "no", "maybe\ttext", "maybe\ttext"])
    with pytest.raises(
        TooManyDeadLettersError,
        match=r"3 of 354 rows.*unknown label: 2; too few columns: 1.*dead_letters",
    ):
        convert(_TSV, data, max_dead_letter_share=0.008)
    # The failed output has dead letters, but no counts.json, which says that it is complete.
    names = {path.name for path in (tmp_path / "output-0").iterdir()}
    assert "counts.json" not in names
    letters = tmp_path / "output-0" / "dead_letters" / "train-00000-of-00001.jsonl"
    assert len(letters.read_text().splitlines()) == 3
    assert convert(_TSV, data, max_dead_letter_share=0.009).counts["train"]["produced"] == 201


def test_one_dead_letter_is_always_allowed(convert, data):
    _write(data, "train-1.tsv", ["no\tfine", "no"])
    assert convert(_TSV, data, max_dead_letter_share=0.0).counts["train"]["produced"] == 201


def test_the_same_input_gives_the_same_bytes(convert, data):
    first = convert(_TSV, data, shard_bytes=1000)
    workers = ("--direct_num_workers=3", "--direct_running_mode=multi_threading")
    second = convert(_TSV, data, shard_bytes=1000, beam_arguments=workers)
    assert len(first.files()) > 10
    assert first.files() == second.files()


def test_shards_one_after_the_other_hold_the_same_order(convert, data):
    one = convert(_TSV, data)
    many = convert(_TSV, data, shard_bytes=300)
    assert len(list((many.directory / "Split-train").iterdir())) > 10
    assert len(list((many.directory / "Split-eval").iterdir())) > 5
    assert one.examples == many.examples


def test_the_seed_changes_the_order_of_training_alone(convert, data):
    one, two = convert(_TSV, data, seed=1), convert(_TSV, data, seed=2)
    assert one.examples["train"] != two.examples["train"]
    assert one.examples["eval"] == two.examples["eval"]


def test_compressed_files_are_read(convert, data):
    plain = convert(_TSV, data)
    content = (data / "eval.tsv").read_bytes()
    (data / "eval.tsv").unlink()
    (data / "eval.tsv.gz").write_bytes(gzip.compress(content))
    packed = convert(_TSV, data, shard_bytes=300)
    texts = [example["text_a"] for example in packed.examples["eval"]]
    assert texts == [example["text_a"] for example in plain.examples["eval"]]


def test_a_cut_off_file_fails_by_name(convert, data):
    whole = gzip.compress(random.Random(0).randbytes(9000).hex().encode())
    (data / "train-9.tsv.gz").write_bytes(whole[:4000])
    dataset = TextDataset(
        name="mine",
        file_format="tsv",
        columns=Columns(0, label=1),
        labels=("no", "yes"),
        splits={"train": Split("train-9.tsv.gz")},
    )
    with pytest.raises(lines.DamagedFileError, match=r"train-9\.tsv\.gz"):
        convert(dataset, data)


def test_an_unreadable_header_fails_by_name(convert, data):
    (data / "train-1.tsv").write_bytes(b"label\tt\xffxt\nno\tfine\n")
    with pytest.raises(file_conversion.UnreadableHeaderError, match=r"train-1\.tsv.*undecodable"):
        convert(_TSV, data)


def test_a_split_without_usable_rows_fails(convert, data):
    _write(data, "eval.tsv", [])
    with pytest.raises(outcome.EmptySplitError, match=r"'eval'.*\(of 0 read\)"):
        convert(_TSV, data)


def test_hash_split_divides_rows_for_good(convert, data):
    dataset = TextDataset(
        name="mine",
        file_format="tsv",
        header=True,
        columns=Columns(text_a="text", label="label"),
        labels=("no", "yes"),
        splits={"all": Split("train-*.tsv")},
        hash_split={"train": 3, "eval": 1},
    )
    converted = convert(dataset, data)
    sizes = {name: len(examples) for name, examples in converted.examples.items()}
    assert sum(sizes.values()) == 300
    # A quarter of 300, with a standard deviation of 7.5.
    assert 45 < sizes["eval"] < 105
    texts = collections.Counter(
        example["text_a"] for examples in converted.examples.values() for example in examples
    )
    assert set(texts.values()) == {1}
    # A row does not change its split when others are added or removed, nor with the seed.
    (data / "train-0.tsv").unlink()
    smaller = convert(dataset, data, seed=5)
    for name in ("train", "eval"):
        before = {example["text_a"] for example in converted.examples[name]}
        assert {example["text_a"] for example in smaller.examples[name]} < before


def test_jsonl_with_pairs_and_ids(convert, data):
    (data / "pairs.jsonl").write_text(
        '{"id": 17, "q": "Why?", "s": "Because.", "score": 1.50}\n'
        '{"id": "x", "q": "How?", "s": "So.", "score": 7}\n'
    )
    dataset = TextDataset(
        name="mine",
        file_format="jsonl",
        columns=Columns(text_a="q", text_b="s", label="score", guid="id"),
        label_range=(0.0, 5.0),
        splits={"eval": Split("pairs.jsonl")},
    )
    converted = convert(dataset, data)
    assert converted.examples["eval"] == [
        {
            "guid": "17",
            "text_a": "Why?",
            "text_b": "Because.",
            "label": "1.50",
            "source_file": "pairs.jsonl",
            "source_line": 1,
        }
    ]
    assert converted.counts["eval"]["dead"] == {"label out of range": 1}


def test_a_small_split_that_lost_much_is_warned_of(convert, data, caplog):
    _write(data, "eval.tsv", ["no\tfine", "maybe\ta", "maybe\tb"])
    convert(_TSV, data, max_dead_letter_share=0.01)
    assert "Split eval of data set mine lost 2 of its 3 rows: {'unknown label': 2}" in caplog.text


def test_few_rows_are_held_when_there_are_many_shards(convert, data, monkeypatch):
    expected = convert(_TSV, data, shard_bytes=300)
    monkeypatch.setattr(conversion, "_MAX_HELD_ROWS", 7)
    assert convert(_TSV, data, shard_bytes=300).files() == expected.files()


def test_leftovers_of_a_killed_worker_are_removed(convert, data, tmp_path):
    leftover = tmp_path / "output-0" / "Split-eval" / "data_tfrecord-00000-of-00001.gz.1.partial"
    files.write_bytes(str(leftover), b"half")
    convert(_TSV, data)
    assert [path.name for path in leftover.parent.iterdir()] == ["data_tfrecord-00000-of-00001.gz"]


def test_a_lost_shard_is_noticed(convert, data, monkeypatch):
    monkeypatch.setattr(conversion._WriteExamples, "process", lambda self, element: None)
    with pytest.raises(outcome.IncompleteOutputError, match="data_tfrecord-00000-of-00001"):
        convert(_TSV, data)
