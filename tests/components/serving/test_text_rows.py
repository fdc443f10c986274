import pytest

from components.serving import text_rows
from components.serving.pushed_model import PushedModel
from components.serving.text_rows import TextRowError

TEXT = {"text_a": None, "text_b": None}
QUESTION = {"question": None, "context": None}
CHOICE = {"text_a": None, "text_b": None, "options": 2}


def read(text, name="file.txt", inputs=TEXT):
    return list(text_rows.read(text.splitlines(keepends=True), name=name, inputs=inputs))


def test_lines_are_texts_or_objects():
    found = read('first line\r\n\n  {"id": 7, "text_a": "x", "text_b": "y"}\n')
    assert found == [
        {"text_a": "first line", "text_b": ""},
        {"id": 7, "text_a": "x", "text_b": "y"},
    ]


def test_tables_have_a_header():
    assert read('id\ttext_a\n1\tsays "no"\n', "x.tsv") == [
        {"id": "1", "text_a": 'says "no"', "text_b": ""}
    ]
    assert read('question,context\n"Who, what?",Ada.\n', "x.csv", QUESTION) == [
        {"question": "Who, what?", "context": "Ada."}
    ]


def test_options_are_a_list():
    assert read('{"text_a": "x", "options": ["a", "b"]}\n', inputs=CHOICE) == [
        {"text_a": "x", "text_b": "", "options": ["a", "b"]}
    ]


@pytest.mark.parametrize(
    ("text", "name", "inputs", "reason"),
    [
        ("ok\n{broken\n", "f", TEXT, "f, line 2 is not JSON"),
        ('{"text": "x"}\n', "f", TEXT, r"f, line 1 has no text 'text_a'; it has \['text'"),
        ('{"text_a": 1}\n', "f", TEXT, "no text 'text_a'"),
        ('{"text_a": " "}\n', "f", TEXT, "text_a is empty"),
        ("Who?\n", "f", QUESTION, "takes context and question; give a JSON object"),
        ('{"question": "Who?"}\n', "f", QUESTION, "no text 'context'"),
        ("id,text_a\n1\n", "f.csv", TEXT, "line 2 has no text 'text_a'"),
        ("Rain.\n", "f", CHOICE, "takes options and text_a and text_b; give a JSON object"),
        ('{"text_a": "x", "options": ["a"]}\n', "f", CHOICE, "should be a list of 2 texts"),
        ('{"text_a": "x", "options": "ab"}\n', "f", CHOICE, "should be a list of 2 texts"),
        ('{"text_a": "x", "options": ["a", " "]}\n', "f", CHOICE, "something empty"),
        ("text_a\toptions\nx\ty\n", "f.tsv", CHOICE, "line 2: options should be a list"),
    ],
)
def test_what_is_wrong_is_named(text, name, inputs, reason):
    with pytest.raises(TextRowError, match=reason):
        read(text, name, inputs)


def test_rows_keep_what_they_came_with(serving_dir):
    model = PushedModel.latest(str(serving_dir))
    rows = [{"id": number, "text_a": "a" * number + "b", "text_b": ""} for number in range(5)]
    found = list(text_rows.predict(model, rows, batch_size=2))
    assert [row["id"] for row in found] == [0, 1, 2, 3, 4]
    assert [row["prediction"]["label"] for row in found] == ["b", "a", "a", "a", "a"]
