import pytest

from pipeline.first_look import table_form


def _find(text, suffix, **options):
    return table_form.find(text.encode(), suffix=suffix, is_whole=True, **options)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiters(delimiter):
    lines = [delimiter.join(["text", "label"])]
    lines += [delimiter.join([f"some words {n}", "ab"[n % 2]]) for n in range(10)]
    found = _find("\n".join(lines), ".csv")
    assert found.delimiter == delimiter
    assert found.columns == ("text", "label")


def test_semicolons_between_decimal_commas():
    lines = ["text;score", *(f"some words, and {n};{n},5" for n in range(10))]
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
