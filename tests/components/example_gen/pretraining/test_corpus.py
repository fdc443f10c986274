import collections
import json

import pytest

from components import tf_examples, tfrecords
from components.example_gen import text_form
from components.example_gen.pretraining import corpus
from components.example_gen.pretraining.corpus import Document
from components.example_gen.pretraining.corpus_files import FileRange


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
    # "  First sentence. \r", "Second.", "Next document.", and the last with 3 + 1 two- and
    # three-byte characters.
    assert counts == {"lines": 4, "bytes": 19 + 7 + 14 + 3 + 5 + 2 + 5, "documents": 2}


def test_a_file_without_documents_gives_none(tmp_path):
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "blank.txt").write_bytes(b"\n \n\n")

    assert read(tmp_path / "empty.txt") == ([], [], {})
    assert read(tmp_path / "blank.txt") == ([], [], {})


def test_lines_that_cannot_be_used_are_dead_letters_and_the_rest_is_kept(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"good\nbad \xff\xfe bytes\nNUL \0 here\nalso good\n")

    documents, letters, counts = read(path)

    assert documents == [Document(str(path), 1, ["good", "also good"])]
    assert [(letter.source, letter.position, letter.reason) for letter in letters] == [
        (str(path), "2", "not UTF-8"),
        (str(path), "3", "NUL character"),
    ]
    # What they hold weighs.
    assert [letter.weight for letter in letters] == [12, 10]
    assert counts == {"lines": 4, "bytes": 4 + 12 + 10 + 9, "documents": 1}


def test_a_long_line_is_cut_and_not_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "MAX_LINE_BYTES", 40)
    path = tmp_path / "a.txt"
    words = [f"word{n}" for n in range(100)]
    path.write_text("before\n" + " ".join(words) + "\n\nafter\n")

    documents, letters, counts = read(path)

    assert letters == []
    assert [document.line for document in documents] == [1, 4]
    assert " ".join(documents[0].lines).split() == ["before", *words]
    assert max(map(len, documents[0].lines)) <= 40
    assert counts["lines cut"] == 1
    assert counts["lines"] == 3


@pytest.mark.parametrize("key", ["text", "body"])
def test_a_long_line_within_a_json_text_is_cut(tmp_path, monkeypatch, key):
    monkeypatch.setattr(corpus, "MAX_LINE_BYTES", 40)
    path = tmp_path / "a.jsonl"
    words = [f"word{n}" for n in range(100)]
    path.write_text(json.dumps({key: " ".join(words)}) + "\n")

    (document,), letters, counts = read(path, "jsonl", text_field=key)

    assert letters == []
    assert " ".join(document.lines).split() == words
    assert counts["lines cut"] == 1


def test_a_huge_line_takes_bounded_memory(tmp_path):
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.write(b"before\n")
        for _ in range(200):
            file.write("ü".encode() * (1 << 18))
        file.write(b"\nafter\n")

    characters = 0
    counts = collections.Counter()
    for document in corpus.read_documents(
        FileRange(str(path)), file_format="text", reject=print, counts=counts
    ):
        assert sum(map(len, document.lines)) <= 2 << 20
        characters += sum(map(len, document.lines))
    assert characters == len("before") + 200 * (1 << 18) + len("after")
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
    assert counts == {"lines": 10, "bytes": 300, "documents": 1, "documents divided": 1}


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
        # UTF-8 has no surrogates, so the raw examples could not hold it.
        Document(str(path), 8, ["lone \ufffd surrogate"]),
    ]
    examples = tmp_path / "a.tfrecord"
    tfrecords.write_records(str(examples), map(corpus.document_to_example, documents))
    assert read(examples, "tfrecord")[0] == documents
    assert [(letter.position, letter.reason) for letter in letters] == [
        ("3", "not JSON"),
        ("4", "no text"),
        ("5", "no text"),
        ("6", "no text"),
        # As many documents and dead letters as lines.
        ("7", "empty text"),
    ]
    assert {**counts, "bytes": 0} == {"lines": 7, "bytes": 0, "documents": 2}
    assert [letter.weight for letter in letters] == [len(rows[n]) for n in (2, 3, 4, 5, 6)]


@pytest.mark.parametrize("name", ["a.tfrecord", "a.tfrecord.gz"])
def test_documents_survive_as_examples(tmp_path, name):
    documents = [
        Document("gs://bucket/a.txt", 3, ["First.", "Zweiter Satz mit ü."]),
        Document("gs://bucket/b.txt", 1, ["Part."], 0, False),
        Document("gs://bucket/b.txt", 1, ["Rest."], 1, True),
        # Linux has file names that are not UTF-8.
        Document("caf\udce9.txt", 1, ["Text."]),
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
        tf_examples.encode({"content": [b"one", b"two"]}),
        tf_examples.encode({"content": [b" \n"]}),
        tf_examples.encode({"content": [b"a\0b"]}),
    ]
    # Features that only look like ours say nothing about the place of a text.
    others = [
        {"source": [b"web"]},
        {"source": [b"web"], "line": [0], "part": [0]},
        {"source": [b"web"], "line": [3.5], "part": [0], "is_last_part": [1]},
        {"source": [b"a", b"\xff"], "line": [1], "part": [0], "is_last_part": [1]},
    ]
    records += [tf_examples.encode({"content": [b"text"], **features}) for features in others]
    tfrecords.write_records(str(path), records)

    documents, letters, counts = read(path, "tfrecord", text_field="content")

    assert documents == [
        Document(str(path), 1, ["A text.", "Of two lines."]),
        *(Document(str(path), number, ["text"]) for number in range(9, 13)),
    ]
    assert [(letter.position, letter.reason) for letter in letters] == [
        ("record 2", "no text"),
        ("record 3", "not an Example"),
        ("record 4", "not UTF-8"),
        ("record 5", "wrong feature"),
        ("record 6", "wrong feature"),
        ("record 7", "empty text"),
        ("record 8", "NUL character"),
    ]
    assert counts["lines"] == 12
    assert counts["bytes"] == sum(map(len, records))
    assert sum(letter.weight for letter in letters) == sum(map(len, records[1:8]))


def _head(text):
    return (text * 30).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Plain English.\n".encode("utf-16"), "UTF-16 text.*iconv -f UTF-16 -t UTF-8"),
        ("Plain English.\n".encode("utf-16-le"), "UTF-16 text"),
        ("Plain English.\n".encode("utf-16-be"), "UTF-16 text"),
        ("Проще простого, и всё.\n".encode("utf-16-le"), "UTF-16 text"),
        ("Plain English.\n".encode("utf-32"), "UTF-32 text"),
        ("Plain English.\n".encode("utf-32-be"), "UTF-32 text"),
        (b"PK\x03\x04 zip", "a zip archive"),
        (bytes(range(256)) * 9, None),
        (b"\x7fELF\0\0\1\0\0\0\0\2\0\0" * 30, "binary data"),
        (tf_examples.encode({"text": [b"x"]}), None),
        (_head('{"text": "One."}\n'), "JSON .lines., but is read as text.*jsonl"),
        (_head('[{"text": "One."}]\n'), "a JSON array, but is read as text"),
        (b"<?xml version='1.0'?>\n<a>text</a>\n", "markup"),
        (b"<!DOCTYPE html>\n<p>text\n", "markup"),
        (b"one\rtwo\rthree\r", "carriage returns alone"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS pointer"),
    ],
)
def test_a_file_that_is_something_else_is_refused_by_its_name(tmp_path, content, message):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    if message is None:
        read(path)
        return
    with pytest.raises(text_form.WrongFormatError, match=rf"a\.txt is .*{message}"):
        read(path)


def test_records_that_are_read_as_text_are_refused(tmp_path):
    path = tmp_path / "a.txt"
    tfrecords.write_records(str(path), [tf_examples.encode({"text": [b"x" * 99]})])

    with pytest.raises(text_form.WrongFormatError, match="is a TFRecord file"):
        read(path)


@pytest.mark.parametrize(
    ("line", "likeness"),
    [
        ("id\ttext {n}\n", "a table with tabs"),
        ('{n},"a text, quoted",1\n', "a comma-separated table"),
        ("<doc id={n}>\nA sentence.\n", "markup"),
        ("A sentence, as it {n} should be, with commas.\n", ""),
    ],
)
def test_what_only_looks_like_something_else_is_counted(tmp_path, line, likeness):
    path = tmp_path / "a.txt"
    path.write_text("".join(line.format(n=n) for n in range(30)))

    documents, letters, counts = read(path)

    assert documents
    assert not letters
    assert {name for name in counts if "look like" in name} == (
        {f"files that look like {likeness}"} if likeness else set()
    )


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
        assert corpus.choose_split(part, {"eval": 1, "train": 9}, seed=1) == split
