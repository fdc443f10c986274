"""Rows of every format, good and bad, against the csv module and by hand."""

import csv
import io
import json
import random

import pytest

from components.example_gen.classification import rows
from components.example_gen.classification.rows import BadRow, BlankLine, Row


def _tsv(content, max_bytes=1000):
    return list(rows.read_tsv(io.BytesIO(content), delimiter="\t", max_bytes=max_bytes))


def _csv(content, max_bytes=1000, delimiter=","):
    return list(rows.read_csv(io.BytesIO(content), delimiter=delimiter, max_bytes=max_bytes))


def _jsonl(content, max_bytes=1000):
    return list(rows.read_jsonl(io.BytesIO(content), max_bytes=max_bytes))


def _outline(items):
    """(line, index, fields) of good rows, (line, index, reason) of bad ones, line of blank ones."""
    outlines = {
        Row: lambda item: (item.line, item.index, item.fields),
        BadRow: lambda item: (item.line, item.index, item.reason),
        BlankLine: lambda item: item.line,
    }
    return [outlines[type(item)](item) for item in items]


class TestTsv:
    def test_quotes_mean_nothing(self):
        content = b'a\t"b\tc"\r\n\n"x""y"\t \t\n'
        assert _outline(_tsv(content)) == [
            (1, 0, ["a", '"b', 'c"']),
            2,
            (3, 1, ['"x""y"', " ", ""]),
        ]

    def test_equals_the_csv_module_without_quoting(self):
        draw = random.Random(2)
        text = "".join(draw.choice('ab"\t \u2028\x1c\x85é,\n') for _ in range(5000))
        expected = [
            row
            for row in csv.reader(
                (line + "\n" for line in text.split("\n")), delimiter="\t", quotechar=None
            )
            if row
        ]
        assert [item.fields for item in _tsv(text.encode()) if isinstance(item, Row)] == expected

    def test_byte_order_mark_belongs_to_no_column(self):
        assert _tsv(b"\xef\xbb\xbfQuality\tb\n")[0].fields == ["Quality", "b"]

    def test_bad_lines_do_not_end_the_reading(self):
        content = b"good\t1\nlatin \xe9\t1\nnul \0\t1\nmac\r1\n" + b"x" * 1001 + b"\nagain\t0\n"
        assert _outline(_tsv(content)) == [
            (1, 0, ["good", "1"]),
            (2, 1, rows.UNDECODABLE),
            (3, 2, rows.NUL_CHARACTER),
            (4, 3, rows.STRAY_CARRIAGE_RETURN),
            (5, 4, rows.LINE_TOO_LONG),
            (6, 5, ["again", "0"]),
        ]

    def test_detail_says_where_and_excerpt_what(self):
        bad = _tsv(b"latin \xe9t\xe9\n")[0]
        assert bad.detail == (
            "not UTF-8 from byte 6 on; as Windows-1252 or Latin-1 it would begin 'latin été'"
        )
        assert bad.excerpt == "latin \ufffdt\ufffd"


class TestCsv:
    def test_equals_the_csv_module_on_well_formed_files(self):
        draw = random.Random(3)
        table = [
            ["".join(draw.choice('ab",\n\r é') for _ in range(draw.randrange(12))) for _ in "xyz"]
            for _ in range(300)
        ]
        file = io.StringIO(newline="")
        csv.writer(file).writerows(table)
        items = _csv(file.getvalue().encode())
        assert [item.fields for item in items] == table
        assert [item.index for item in items] == list(range(300))

    def test_line_is_that_of_the_beginning(self):
        assert _outline(_csv(b'"a\nb",1\n\n"c",2\n')) == [
            (1, 0, ["a\nb", "1"]),
            3,
            (4, 1, ["c", "2"]),
        ]

    @pytest.mark.parametrize(
        "broken",
        [
            b'"5","never closed\n',
            b'"5","closed" too early"\n',
            b'"5,"no comma\n',
        ],
    )
    def test_a_quote_gone_wrong_costs_one_row(self, broken):
        before = b"".join(b'"%d","before %d"\n' % (i, i) for i in range(3))
        after = b"".join(b'"%d","after ""%d"""\n' % (i, i) for i in range(50))
        items = _csv(before + broken + after, max_bytes=10_000)
        assert [item.fields for item in items if isinstance(item, Row)] == [
            *([str(i), f"before {i}"] for i in range(3)),
            *([str(i), f'after "{i}"'] for i in range(50)),
        ]
        assert [(item.line, item.reason) for item in items if isinstance(item, BadRow)] == [
            (4, rows.MALFORMED_QUOTES)
        ]

    def test_an_open_quote_before_unquoted_rows_costs_one_row(self):
        content = b'1,good\n2,"open\n' + b"".join(b"%d,plain\n" % i for i in range(3, 200))
        items = _csv(content, max_bytes=500)
        assert [item.line for item in items if isinstance(item, BadRow)] == [2]
        assert [item.line for item in items if isinstance(item, Row)] == [1, *range(3, 200)]

    def test_an_open_quote_in_the_last_row_is_seen(self):
        assert _outline(_csv(b'1,a\n2,"b\n')) == [(1, 0, ["1", "a"]), (2, 1, rows.MALFORMED_QUOTES)]

    def test_two_open_quotes_do_not_hide_the_rows_between(self):
        # Closed by the other quote, the column would swallow rows 3 and 4; but then the record has
        # another number of columns.
        items = _csv(b'1,a\n2,"b\n3,c\n4,d\n5,e",f\n6,g\n')
        assert _outline(items) == [
            (1, 0, ["1", "a"]),
            (2, 1, rows.MALFORMED_QUOTES),
            (3, 2, ["3", "c"]),
            (4, 3, ["4", "d"]),
            (5, 4, rows.WRONG_COLUMN_COUNT),
            (6, 5, ["6", "g"]),
        ]

    def test_other_flaws_keep_the_rows_apart(self):
        content = (
            b'1,"a\nb \xff\nc"\n2,"d \0 \n"\n3\n4,"e"\n' + b"5," + b"x" * 1000 + b'\n6,"f\n\n"\n'
        )
        assert _outline(_csv(content)) == [
            (1, 0, rows.UNDECODABLE),
            (4, 1, rows.NUL_CHARACTER),
            (6, 2, rows.WRONG_COLUMN_COUNT),
            (7, 3, ["4", "e"]),
            (8, 4, rows.LINE_TOO_LONG),
            (9, 5, ["6", "f\n\n"]),
        ]

    def test_fields_larger_than_the_csv_modules_limit_are_read(self):
        text = "x" * 300_000
        assert _csv(f'1,"{text}"\n'.encode(), max_bytes=400_000)[0].fields == ["1", text]

    def test_one_quote_too_many_or_too_few_costs_one_row(self):
        draw = random.Random(4)
        for _ in range(500):
            table = [[str(i), "".join(draw.choice('ab",') for _ in range(8))] for i in range(1, 8)]
            file = io.StringIO(newline="")
            csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(table)
            lines = file.getvalue().splitlines()
            damaged = draw.randrange(1, len(table))
            line = lines[damaged]
            place = draw.randrange(len(line) + 1)
            if line[place : place + 1] == '"':
                lines[damaged] = line[:place] + line[place + 1 :]
            else:
                lines[damaged] = line[:place] + '"' + line[place:]
            items = _csv("\n".join(lines).encode())
            found = [item.fields for item in items if isinstance(item, Row)]
            others = [row for number, row in enumerate(table) if number != damaged]
            assert [row for row in found if row in others] == others, lines
            assert len(items) == len(table), lines


class TestJsonl:
    def test_numbers_keep_their_text(self):
        content = (
            b'{"t": "caf\\u00e9", "n": 1.50, "i": 12345678901234567890, "x": NaN, "b": true}\n'
        )
        assert _jsonl(content)[0].fields == {
            "t": "café",
            "n": "1.50",
            "i": "12345678901234567890",
            "x": "NaN",
            "b": True,
        }

    def test_bad_lines_do_not_end_the_reading(self):
        nested = b"[" * 900
        content = b'{"a": "1"}\n{"a": \n[1]\n  \n\xff\n' + nested + b'\n{"a": "2"}'
        assert _outline(_jsonl(content)) == [
            (1, 0, {"a": "1"}),
            (2, 1, rows.MALFORMED_JSON),
            (3, 2, rows.MALFORMED_JSON),
            4,
            (5, 3, rows.UNDECODABLE),
            (6, 4, rows.MALFORMED_JSON),
            (7, 5, {"a": "2"}),
        ]

    def test_deep_nesting_is_a_bad_row(self):
        content = b"[" * 200_000 + b"\n" + json.dumps({"a": "b"}).encode()
        items = _jsonl(content, max_bytes=1_000_000)
        assert [type(item) for item in items] == [BadRow, Row]


class TestFolders:
    def _read(self, content):
        return next(
            rows.read_folder_file(io.BytesIO(content), folder="pos", guid="g", max_bytes=10)
        )

    def test_a_file_is_a_row(self):
        assert self._read(b"\xef\xbb\xbftext\n").fields == {
            "text": "text\n",
            "label": "pos",
            "guid": "g",
        }

    @pytest.mark.parametrize(
        ("content", "reason"), [(b"x" * 11, rows.LINE_TOO_LONG), (b"\xff", rows.UNDECODABLE)]
    )
    def test_bad_files(self, content, reason):
        assert self._read(content).reason == reason
