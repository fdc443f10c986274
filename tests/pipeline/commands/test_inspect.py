"""What is said about data before anything is configured."""

import json

import pytest

from pipeline import cli


@pytest.fixture
def inspect(capsys):
    def run(path, *options):
        status = cli.main(["inspect", str(path), *options])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_duplicates_and_contradictions_are_counted(inspect, tmp_path):
    path = tmp_path / "d.csv"
    rows = [f"the sentence number {n},{'ab'[n % 2]}" for n in range(30)]
    # Two rows once more, and one text with the other label.
    rows += [rows[0], rows[1], "the sentence number 2,b"]
    path.write_text("\n".join(["text,label", *rows]) + "\n")
    status, out, _ = inspect(path)
    assert status == 0
    assert "2 rows equal an earlier one" in out
    assert "lengths        median 4 words, 95th percentile 4, longest 4" in out
    assert "3 rows with the texts of an earlier row, 1 of them with another label." in out


def test_columns_and_their_roles(inspect, tmp_path):
    path = tmp_path / "d.jsonl"
    with open(path, "w") as file:
        for n in range(40):
            row = {"id": f"row{n}", "price": n / 7, "note": f"some words about it {n}"}
            file.write(json.dumps(row | {"kind": "ab"[n % 2], "tags": ["x"]}) + "\n")
    _, out, _ = inspect(path)
    listed = [line.split() for line in out.splitlines() if line.startswith("  ")]
    roles = {words[0]: words[1].rstrip(",") for words in listed}
    assert [roles[name] for name in ("id", "price", "note", "kind", "tags")] == [
        "id",
        "number",
        "text",
        "label",
        "list",
    ]
    assert "a table (jsonl)" in out
    notes = next(line for line in out.splitlines() if line.startswith("  note "))
    assert notes.endswith("40 different values, median 5 words, 95th percentile 5")
    kinds = next(line for line in out.splitlines() if line.startswith("  kind "))
    assert kinds.endswith("2 different values, median 1 word, 95th percentile 1")


def test_labels_that_look_alike_and_rare_ones(inspect, tmp_path):
    path = tmp_path / "d.csv"
    labels = ["Good"] * 20 + ["good"] * 5 + ["bad"] * 20
    rows = [f"the sentence number {n},{label}" for n, label in enumerate(labels)]
    path.write_text("\n".join(["text,label", *rows]) + "\n")
    _, out, _ = inspect(path)
    assert "differ only in case or white space" in out
    assert "fewer than 10 rows can hardly be learnt: 'good'." in out


def test_what_init_would_refuse_is_a_warning(inspect, tmp_path):
    path = tmp_path / "d.csv"
    rows = [f"the sentence number {n},same" for n in range(30)]
    path.write_text("\n".join(["text,label", *rows]) + "\n")
    status, out, _ = inspect(path)
    assert status == 0
    assert "warning: All 30 labels" in out


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("d.csv", "text,label\nschön,a\n".encode("utf-16"), "UTF-16"),
        ("d.csv", b"", "is empty"),
        ("d.csv", b"PK\x03\x04rest", "a zip archive"),
        ("d.json", b'[{"a": 1}, {"a": 2}]', "a JSON array"),
    ],
)
def test_files_of_another_form_are_refused(inspect, tmp_path, name, content, expected):
    path = tmp_path / name
    path.write_bytes(content)
    status, _, err = inspect(path)
    assert status == 1
    assert expected in err
    assert name in err


def test_a_missing_file_is_named(inspect):
    status, _, err = inspect("/nowhere/d.csv")
    assert status == 1
    assert "There is no file or folder /nowhere/d.csv" in err


def test_an_old_encoding_is_recognised(inspect, tmp_path):
    path = tmp_path / "d.csv"
    rows = [f"der schöne Satz Nummer {n},{'ab'[n % 2]}" for n in range(30)]
    path.write_bytes("\n".join(["text,label", *rows]).encode("cp1252"))
    _, out, _ = inspect(path)
    assert "a table (csv)" in out
    assert "warning: 30 of 30 rows" in out
    assert "iconv -f WINDOWS-1252" in out
