import pytest

from pipeline.first_look import table_form


def _find(text, suffix, **options):
    return table_form.find(text.encode(), "a" + suffix, suffix=suffix, is_whole=True, **options)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiters(delimiter):
    lines = [delimiter.join(["text", "label"])]
    lines += [delimiter.join([f"some words {n}", "ab"[n % 2]]) for n in range(10)]
    found = _find("\n".join(lines), ".csv")
    assert found.delimiter == delimiter
    assert found.columns == ("text", "label")


# Among 100 rows, a header that reads in another way is too few to count.
@pytest.mark.parametrize(("number", "text"), [(10, "some words, and"), (100, "some words")])
def test_semicolons_between_decimal_commas(number, text):
    lines = ["text;score", *(f"{text} {n};{n},5" for n in range(number))]
    assert _find("\n".join(lines), ".csv").delimiter == ";"


def test_tabs_with_and_without_quotes():
    plain = "text\tlabel\n" + "".join(f'the 5" pipe {n}\t{"ab"[n % 2]}\n' for n in range(9))
    assert _find(plain, ".tsv").file_format == "tsv"
    quoted = "text\tlabel\n" + "".join(f'"two\nlines {n}"\t{"ab"[n % 2]}\n' for n in range(9))
    assert _find(quoted, ".tsv").file_format == "csv"


def test_a_table_without_a_header_has_numbered_columns():
    found = _find("".join(f"some words {n},{'ab'[n % 2]}\n" for n in range(9)), ".csv")
    assert (found.header, found.columns) == (False, (0, 1))
    named = _find("".join(f"some words {n},{'ab'[n % 2]}\n" for n in range(9)), ".csv", header=True)
    assert named.columns == ("some words 0", "a")


def test_running_text_is_no_table():
    text = "".join(f"Well, this is sentence {n}, and it goes on.\n" for n in range(20))
    assert _find(text, ".txt") is None


def test_a_comma_in_quotes_in_every_row_makes_no_column():
    rows = [f'"some words {n}, and more",{"ab"[n % 2]}' for n in range(100)]
    found = _find("\n".join(["text,label", *rows]), ".csv")
    assert (found.file_format, found.columns) == ("csv", ("text", "label"))


def test_a_long_table_with_line_breaks_in_cells_is_recognised():
    text = ("a line of text, " * 5 + "\n") * 40
    rows = [f'"{text}",{"ab"[n % 2]}' for n in range(200)]
    head = "\n".join(["text,label", *rows]).encode()[: 1 << 16]
    found = table_form.find(head, "a.csv", suffix=".csv", is_whole=False)
    assert (found.file_format, found.columns) == ("csv", ("text", "label"))


_LONG = "What did you think of our products and of the way we sell them?"


@pytest.mark.parametrize(
    ("first", "row", "columns"),
    [
        (",text,label", "{n},some words {n},{label}", (0, "text", "label")),
        ("text,label,", "some words {n},{label},", ("text", "label", 2)),
        ("0,1", "some words {n},{label}", ("0", "1")),
        ("id,message,spam", "{n},some words {n},{label}", ("id", "message", "spam")),
        ("ok,spam", "no,{label}", (0, 1)),
        ("7,some words,ham", "{n},some words {n},{label}", (0, 1, 2)),
    ],
)
def test_headers_are_told_from_data(first, row, columns):
    rows = [row.format(n=n, label=("spam", "ham")[n % 2]) for n in range(20)]
    assert _find("\n".join([first, *rows]), ".csv").columns == columns


@pytest.mark.parametrize(
    ("first", "row", "message"),
    [
        ("message,spam", "some words {n},{label}", "--header, or --no-header if it does not"),
        (f"{_LONG},team", "some words {n},{label}", "--header, or --no-header if it does not"),
        ("text,text,label", "some {n},some words,{label}", "names two columns 'text'"),
        ("My survey,,\nid,text,label", "{n},some {n},{label}", "above the row that names"),
        ("My survey\nid,text,label", "{n},some {n},{label}", "above the row that names"),
    ],
)
def test_an_unclear_header_is_an_error(first, row, message):
    rows = [row.format(n=n, label=("spam", "ham")[n % 2]) for n in range(100)]
    with pytest.raises(ValueError, match=message):
        _find("\n".join([first, *rows]), ".csv")
