import collections
import csv
import gzip
import io

import numpy as np
import pytest

from components import tf_examples
from components.example_gen import text_form
from components.example_gen.classification import file_conversion, inputs
from components.example_gen.classification.dataset import Columns, Split, TextDataset
from components.example_gen.classification.plan import ConversionPlan
from components.export.input_columns import InputColumns
from components.serving import text_rows
from components.serving.pushed_model import PushedModel
from components.serving.text_rows import TEXTS, TextRowError

TEXT = {"text_a": None, "text_b": None}
QUESTION = {"question": None, "context": None}
CHOICE = {"text_a": None, "text_b": None, "options": 2}


@pytest.fixture
def read(tmp_path):
    def run(content, name="file.txt", inputs=TEXT, columns=None):
        path = tmp_path / name
        content = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        columns = columns or InputColumns()
        with text_rows.open_input(str(path), None) as (file, form):
            return list(text_rows.read(file, form, name=name, inputs=inputs, columns=columns))

    return run


def texts(found):
    return [row[TEXTS] for row in found]


def rest(found):
    return [{key: value for key, value in row.items() if key != TEXTS} for row in found]


def test_lines_are_texts_and_objects_are_json_lines(read):
    assert texts(read("first line\r\n\nsecond\n")) == [
        {"text_a": "first line", "text_b": ""},
        {"text_a": "second", "text_b": ""},
    ]
    found = read('{"id": 7, "p": 1.50, "text_a": "x", "text_b": "y"}\n', "file")
    assert texts(found) == [{"text_a": "x", "text_b": "y"}]
    assert rest(found) == [{"id": 7, "p": 1.5, "text_a": "x", "text_b": "y"}]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_tables_have_a_header(read, suffix):
    found = read('id\ttext_a\n1\tsays "no"\n', f"x.tsv{suffix}")
    assert texts(found) == [{"text_a": 'says "no"', "text_b": ""}]
    assert rest(found) == [{"id": "1", "text_a": 'says "no"'}]
    found = read('question,context\n"Who, what?",Ada.\n', f"x.csv{suffix}", QUESTION)
    assert texts(found) == [{"question": "Who, what?", "context": "Ada."}]


def test_a_table_with_tabs_is_quoted_if_the_training_data_are(read, tmp_path):
    texts_written = ['says "no"', "one\ttwo", "first\nsecond", '"""', "plain"]
    (tmp_path / "train.tsv").touch()
    with (tmp_path / "train.tsv").open("w", newline="") as output:
        csv.writer(output, delimiter="\t").writerows(
            [("label", "text"), *(("yes", text) for text in texts_written)]
        )
    dataset = TextDataset(
        name="mine",
        file_format="csv",
        delimiter="\t",
        header=True,
        columns=Columns(text_a="text", label="label"),
        labels=("no", "yes"),
        splits={"train": Split("train.tsv")},
    )
    (file,) = inputs.find_files(dataset, str(tmp_path))["train"]
    sizes = {"train": file.num_bytes}
    plan = ConversionPlan(
        dataset, total_bytes=sizes, num_shards={"train": 1}, seed=0, max_row_bytes=1000
    )
    trained = [
        tf_examples.decode(found.content)["text_a"][0].decode()
        for found in file_conversion.convert_file(plan, file, collections.Counter())
    ]
    assert trained == texts_written
    content = (tmp_path / "train.tsv").read_bytes()
    for name in ("new.tsv", "new.tab"):
        found = texts(read(content, name, columns=InputColumns.of(dataset)))
        assert [row["text_a"] for row in found] == trained


def test_tab_is_a_suffix_of_tables(read):
    columns = InputColumns({"text_a": "text", "label": "label"})
    found = texts(read("label\ttext\nyes\tGood.\nno\tBad.\n", "d.tab", columns=columns))
    assert [row["text_a"] for row in found] == ["Good.", "Bad."]


@pytest.mark.parametrize(
    ("content", "name", "line"),
    [
        ("text_a,prediction\nx,y\n", "f.csv", 2),
        ('{"text_a": "x"}\n{"text_a": "x", "prediction": {"label": "a"}}\n', "f.jsonl", 2),
    ],
)
def test_a_column_in_the_prediction_s_place_is_refused(read, content, name, line):
    with pytest.raises(TextRowError, match=f"line {line} has a column 'prediction'.*Rename"):
        read(content, name)


def test_what_the_graph_replaces_is_left_to_it(read):
    replacements = (("<br />", " "), ('""', '"'))
    columns = InputColumns(strip=True, replacements=replacements, replaced_in_graph=True)
    (row,) = texts(read('{"text_a": " a<br />\\"\\"\\"\\" "}\n', columns=columns))
    assert row["text_a"] == 'a<br />""""'
    with pytest.raises(TextRowError, match="empty text"):
        read('{"text_a": "<br />"}\n', columns=columns)


def test_a_byte_order_mark_belongs_to_no_column(read):
    assert texts(read(b"\xef\xbb\xbftext_a,id\nFine.,1\n", "x.csv")) == [
        {"text_a": "Fine.", "text_b": ""}
    ]


def test_a_value_may_be_longer_than_python_s_csv_module_takes(read):
    (row,) = read("text_a,id\n" + "word " * 40_000 + ",1\n", "x.csv")
    assert len(row[TEXTS]["text_a"]) == 200_000


def test_numbers_are_text_as_in_training(read):
    assert texts(read('{"text_a": 1.50}\n')) == [{"text_a": "1.50", "text_b": ""}]


def test_columns_are_called_as_in_the_training_data(read):
    dataset = TextDataset(
        name="reviews",
        file_format="csv",
        delimiter=";",
        header=True,
        columns=Columns(text_a="review", label="stars"),
        labels=("1", "2"),
        strip=True,
        replacements=(("<br />", " "),),
        splits={"train": Split("*.csv")},
    )
    columns = InputColumns.of(dataset)
    expected = [{"text_a": "Good food", "text_b": ""}]
    assert texts(read("id;review\n1; Good<br />food \n", "x.csv", columns=columns)) == expected
    assert texts(read('{"review": "Good food"}\n', columns=columns)) == expected
    # The model's own name may always be used.
    assert texts(read('{"text_a": "Good food"}\n', columns=columns)) == expected
    with pytest.raises(TextRowError, match=r"has no column 'review' or 'text_a'; it has \['text'"):
        read('{"text": "x"}\n', columns=columns)


def test_columns_are_joined_as_in_the_training_data(read):
    columns = InputColumns({"text_a": ("subject", "body")})
    found = read(
        "id,subject,body\n1,No light,It is dark.\n2,,It is dark.\n", "x.csv", columns=columns
    )
    assert [row["text_a"] for row in texts(found)] == ["No light It is dark.", "It is dark."]
    assert texts(read('{"body": "dark"}\n', columns=columns)) == [{"text_a": "dark", "text_b": ""}]
    assert texts(read('{"text_a": "dark"}\n', columns=columns))[0]["text_a"] == "dark"
    with pytest.raises(TextRowError, match=r"line 2: empty text \(columns \['subject', 'body'\]"):
        read("subject,body\n, \n", "x.csv", columns=columns)


def test_a_second_text_may_be_missing_or_null(read):
    expected = [{"text_a": "x", "text_b": ""}]
    assert texts(read('{"text_a": "x"}\n')) == expected
    assert texts(read('{"text_a": "x", "text_b": null}\n')) == expected


def test_values_that_are_nested_too_deeply_are_refused():
    deep = []
    for _ in range(5000):
        deep = [deep]
    fields = {"text_a": "a", "x": deep}
    with pytest.raises(TextRowError, match="line 1: values are nested too deeply"):
        text_rows.check(fields, "line 1", inputs=TEXT, columns=InputColumns())


@pytest.mark.parametrize("inputs", [TEXT, CHOICE])
def test_the_size_of_a_text_can_be_limited(inputs):
    fields = {"subject": "no", "body": "light", "text_b": "", "options": ["a", "é" * 6]}
    columns = InputColumns({"text_a": ("subject", "body")})
    most = 12 if inputs is CHOICE else 8
    for limit in (None, most):
        text_rows.check(fields, "row 1", inputs=inputs, columns=columns, max_text_bytes=limit)
    with pytest.raises(TextRowError, match=rf"row 1: {most} bytes; at most {most - 1} are allowed"):
        text_rows.check(fields, "row 1", inputs=inputs, columns=columns, max_text_bytes=most - 1)


def test_options_are_a_list(read):
    assert texts(read('{"text_a": "x", "options": ["a", "b"]}\n', inputs=CHOICE)) == [
        {"text_a": "x", "text_b": "", "options": ["a", "b"]}
    ]


@pytest.mark.parametrize(
    "options", [("a", "b"), np.array(["a", "b"]), np.array(["a", "b"], object)]
)
def test_options_of_a_data_frame_may_be_tuples_and_arrays(options):
    row = {"text_a": "x", "options": options}
    found = text_rows.check(row, "row 0", inputs=CHOICE, columns=InputColumns())
    assert found[TEXTS]["options"] == ["a", "b"]


def test_a_file_that_was_uploaded_compressed_is_refused():
    content = b"text_a\nx\n"
    # The request was compressed as a whole.
    assert text_rows.opened(io.BytesIO(content), "x.csv.gz")[1] == "csv"
    with pytest.raises(TextRowError, match=r"x.csv.gz is compressed. Send x.csv instead"):
        text_rows.opened(io.BytesIO(gzip.compress(content)), "x.csv.gz")


@pytest.mark.parametrize(
    ("text", "name", "inputs", "reason"),
    [
        ('{"text_a": "ok"}\n{broken\n', "f", TEXT, "f, line 2: malformed JSON"),
        ('{"text": "x"}\n', "f", TEXT, r"f, line 1 has no column 'text_a'; it has \['text'"),
        ('{"text_a": null}\n', "f", TEXT, "line 1: .*column 'text_a' is null"),
        ('{"text_a": [1]}\n', "f", TEXT, "line 1: column is not text"),
        ('{"text_a": " "}\n', "f", TEXT, "line 1: empty text .column 'text_a'"),
        ("Who?\n", "f", QUESTION, "takes context and question; give a JSON object"),
        ('{"question": "Who?"}\n', "f", QUESTION, "no column 'context'"),
        ("id,text_a\n1\n", "f.csv", TEXT, "line 2: wrong number of columns"),
        ("id\ttext_a\n1\n", "f.tsv", TEXT, "line 2: wrong number of columns"),
        ("text_a,text_a\n1,2\n", "f.csv", TEXT, "a column stands twice"),
        (
            b"text_a\nca\xe9\n",
            "f.tsv",
            TEXT,
            "line 2: undecodable bytes .*Windows-1252.*'ca\u00e9'",
        ),
        (b"one\nt\0wo\n", "f", TEXT, "line 2: NUL character"),
        ("Rain.\n", "f", CHOICE, "takes options and text_a and text_b; give a JSON object"),
        ('{"text_a": "x", "options": ["a"]}\n', "f", CHOICE, "should be a list of 2 texts"),
        ('{"text_a": "x", "options": "ab"}\n', "f", CHOICE, "should be a list of 2 texts"),
        (
            '{"text_a": "x", "options": ["a", " "]}\n',
            "f",
            CHOICE,
            "empty text .an entry of column .options",
        ),
        ("\u3000\n", "f", TEXT, "line 1: empty text"),
        ("text_a\toptions\nx\ty\n", "f.tsv", CHOICE, "line 2: .*should be a list"),
    ],
)
def test_what_is_wrong_is_named(read, text, name, inputs, reason):
    with pytest.raises(TextRowError, match=reason):
        read(text, name, inputs)


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (
            b'[{"text_a": "x"}, {"text_a": "y"}]',
            "array.json",
            "a JSON array, but read is an object",
        ),
        (b'[{"text_a": "x"}, {"text_a": "y"}]', "array.txt", "a JSON array, but is read as text"),
        ("text_a\nFine.\n".encode("utf-16"), "x.tsv", "UTF-16 text"),
        (b"PK\x03\x04", "x.csv", "a zip archive"),
    ],
)
def test_a_file_of_another_form_is_refused(read, content, name, reason):
    with pytest.raises(text_form.WrongFormatError, match=f"{name} is {reason}"):
        read(content, name)


def test_rows_keep_what_they_came_with(serving_dir):
    model = PushedModel.latest(str(serving_dir))
    rows = [
        {"id": number, TEXTS: {"text_a": "a" * number + "b", "text_b": ""}} for number in range(5)
    ]
    found = list(text_rows.predict(model, rows, batch_size=2))
    assert [row["id"] for row in found] == [0, 1, 2, 3, 4]
    assert [row["prediction"]["label"] for row in found] == ["b", "a", "a", "a", "a"]
    assert set(found[0]) == {"id", "prediction"}
