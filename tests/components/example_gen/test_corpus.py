import collections
import json

import pytest

from components import tf_examples, tfrecords
from components.example_gen import corpus
from components.example_gen.corpus import Document
from components.example_gen.corpus_files import FileRange


def read(path, file_format="text", **arguments):
    """Documents, dead letters and counts."""
    letters, counts = [], collections.Counter()
    documents = list(
        corpus.read_documents(
            FileRange(str(path)),
            file_format=file_format,
            reject=letters.append,
            counts=counts,
            **arguments,
        )
    )
    return documents, letters, {name: count for name, count in counts.items() if count}


def test_text_has_documents_between_blank_lines(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(
        b"\xef\xbb\xbf\n\n  First sentence. \r\nSecond.\n \t\r\n\n\nNext document.\n"
        + "\u3000Über\u00a0alles\n".encode()
        + b"\n"
    )

    documents, letters, counts = read(path)

    assert documents == [
        Document(str(path), 3, ["First sentence.", "Second."]),
        Document(str(path), 8, ["Next document.", "Über\u00a0alles"]),
    ]
    assert letters == []
    assert counts == {"lines": 4, "documents": 2}


def test_a_file_without_documents_gives_none(tmp_path):
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "blank.txt").write_bytes(b"\n \n\n")

    assert read(tmp_path / "empty.txt") == ([], [], {})
    assert read(tmp_path / "blank.txt") == ([], [], {})


def test_lines_that_cannot_be_used_are_dead_letters_and_the_rest_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "MAX_LINE_BYTES", 40)
    path = tmp_path / "a.txt"
    path.write_bytes(b"good\nbad \xff\xfe bytes\n" + b"x" * 41 + b"\nalso good\n")

    documents, letters, counts = read(path)

    assert documents == [Document(str(path), 1, ["good", "also good"])]
    assert [(letter.source, letter.position, letter.reason) for letter in letters] == [
        (str(path), "2", "not UTF-8"),
        (str(path), "3", "line too long"),
    ]
    assert counts == {"lines": 4, "documents": 1}


def test_a_huge_line_is_a_dead_letter_in_bounded_memory(tmp_path):
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.write(b"before\n")
        for _ in range(200):
            file.write("ü".encode() * (1 << 18))
        file.write(b"\nafter\n")

    documents, letters, counts = read(path)

    assert documents == [Document(str(path), 1, ["before", "after"])]
    assert [letter.reason for letter in letters] == ["line too long"]
    assert len(letters[0].excerpt) <= 500
    assert counts["lines"] == 3


def test_text_without_blank_lines_is_divided(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "MAX_DOCUMENT_BYTES", 100)
    path = tmp_path / "a.txt"
    path.write_bytes(b"thirty characters are in here.\n" * 10)

    documents, _, counts = read(path)

    assert [len(document.lines) for document in documents] == [3, 3, 3, 1]
    assert [document.part for document in documents] == [0, 1, 2, 3]
    assert [document.is_last_part for document in documents] == [False, False, False, True]
    assert {document.line for document in documents} == {1}
    assert counts == {"lines": 10, "documents": 1, "documents divided": 1}


def test_jsonl_has_a_document_per_line(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [
        json.dumps({"body": "First.\n\nSecond.", "id": 1}),
        "",
        '{"body": "cut o',
        json.dumps({"text": "wrong key"}),
        json.dumps(["no object"]),
        json.dumps({"body": 7}),
        json.dumps({"body": "  "}),
        '{"body": "lone \\ud800 surrogate"}',
    ]
    path.write_text("\n".join(rows))

    documents, letters, counts = read(path, "jsonl", text_field="body")

    assert documents == [
        Document(str(path), 1, ["First.", "Second."]),
        Document(str(path), 8, ["lone \ud800 surrogate"]),
    ]
    assert [(letter.position, letter.reason) for letter in letters] == [
        ("3", "not JSON"),
        ("4", "no text"),
        ("5", "no text"),
        ("6", "no text"),
    ]
    assert counts == {"lines": 7, "documents": 2}


@pytest.mark.parametrize("name", ["a.tfrecord", "a.tfrecord.gz"])
def test_documents_survive_as_examples(tmp_path, name):
    documents = [
        Document("gs://bucket/a.txt", 3, ["First.", "Zweiter Satz mit ü."]),
        Document("gs://bucket/b.txt", 1, ["Part."], 0, False),
        Document("gs://bucket/b.txt", 1, ["Rest."], 1, True),
    ]
    path = tmp_path / name
    tfrecords.write_records(str(path), map(corpus.document_to_example, documents))

    assert read(path, "tfrecord")[0] == documents


def test_examples_of_others_need_a_text_only(tmp_path):
    path = tmp_path / "a.tfrecord"
    records = [
        tf_examples.encode({"content": [b"A text.\nOf two lines."]}),
        tf_examples.encode({"other": [1]}),
        b"\xff no example",
        tf_examples.encode({"content": [b"\xff"]}),
        tf_examples.encode({"content": [7]}),
    ]
    tfrecords.write_records(str(path), records)

    documents, letters, counts = read(path, "tfrecord", text_field="content")

    assert documents == [Document(str(path), 1, ["A text.", "Of two lines."])]
    assert [(letter.position, letter.reason) for letter in letters] == [
        ("2", "no text"),
        ("3", "not an Example"),
        ("4", "not UTF-8"),
        ("5", "no text"),
    ]
    assert counts == {"lines": 5, "documents": 1}


def test_an_unknown_format_is_named(tmp_path):
    with pytest.raises(corpus.CorpusFormatError, match="'csv'; legal are text, jsonl, tfrecord"):
        read(tmp_path / "a.csv", "csv")


def test_splits_have_their_shares_and_do_not_tear_documents():
    shares = {"train": 9, "eval": 1}
    documents = [Document("a.txt", line, ["x"]) for line in range(20_000)]

    chosen = collections.Counter(corpus.choose_split(doc, shares, seed=1) for doc in documents)

    # Standard deviation: sqrt(20000 * 0.09) = 42.
    assert abs(chosen["eval"] - 2000) < 200
    for document in documents[:100]:
        part = Document(document.source, document.line, ["y"], 1, True)
        split = corpus.choose_split(document, shares, seed=1)
        assert corpus.choose_split(part, shares, seed=1) == split
