"""Recognises from its beginning whether a file has the form that the configuration says.

A model must not be trained on a file that is not what the configuration takes it for, and such
mistakes are easy to miss: ASCII in UTF-16 is valid UTF-8 with NUL characters, and JSON lines are
valid running text. If it is certain that a file is something else, it is refused, and the error
names what it is. If it only looks that way (a table in running text), it is reported and counted.
"""

from __future__ import annotations

import csv
import re
import struct
from collections.abc import Mapping
from typing import Literal

import google_crc32c

Form = Literal["text", "jsonl", "tsv", "csv", "json"]

# Suffixes of the names of tables, each with the delimiter that the name promises.
TABLE_SUFFIXES: Mapping[str, str] = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
JSON_LINES_SUFFIXES = (".jsonl", ".ndjson")
# How much of the beginning of a file is examined.
HEAD_BYTES = 1 << 16
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive (or an Office document)"),
    (b"\x1f\x8b", "gzip-compressed data, though its name does not end in .gz"),
    (b"BZh9", "bzip2-compressed data, though its name does not end in .bz2"),
    (b"BZh1AY&SY", "bzip2-compressed data, though its name does not end in .bz2"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data, though its name does not end in .zst"),
    (b"\xfd7zXZ\x00", "xz-compressed data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-zip archive"),
    (b"%PDF-", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Office document"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"version https://git-lfs", "a Git LFS pointer; run `git lfs pull`"),
)
_BYTE_ORDER_MARKS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
# Files from Excel and those of MRPC begin with one; it is not part of the text.
UTF8_MARK = b"\xef\xbb\xbf"
# Share of NULs among the bytes at even or at odd positions that indicates UTF-16. In English text,
# all bytes at one of the two are NUL; in Greek or Russian, only those of spaces and punctuation.
_MANY_NULS = 0.05
# With fewer NULs than this, the share above means nothing; the larger share below is needed.
_SOME_NULS = 4
_MANY_OF_FEW = 0.3
_JSON_OBJECT = re.compile(r'\s*\[?\s*\{\s*"(?:[^"\\\n]|\\.)*"\s*:')
_JSON_ARRAY = re.compile(r"\s*\[\s*\{")
_OPEN_OBJECT = re.compile(r"\s*\{[ \t]*\r?\n")
_MARKUP = re.compile(r"\s*<(\?xml|!doctype|html|mediawiki|rss|feed|tei|svg)\b", re.IGNORECASE)
_TAG_LINE = re.compile(r"\s*<[^<>]+>\s*$")
# At least and at most this many lines are examined to recognise a table or markup.
_MIN_TABLE_LINES = 5
_MAX_TABLE_LINES = 50
_MANY_TAG_LINES = 0.05


class WrongFormatError(ValueError):
    """A file that is not what the configuration says; the message names the file and what it is."""


def check(head: bytes, path: str, form: Form) -> None:
    """Refuses a file whose beginning shows that it is something else.

    Args:
        head: first `HEAD_BYTES` of the file, decompressed.
        path: path of the file, for the error message.
        form: the form that the file should have.

    Raises:
        WrongFormatError: if it is something else; the message says what it is, and what to do.
    """
    found = _not_text(head) or _other_text(head, form)
    if found:
        raise WrongFormatError(f"{path} is {found}")


def not_text(head: bytes) -> str:
    """Says what a file is if it is not UTF-8 text; empty if it may be UTF-8 text."""
    return _not_text(head).partition(". ")[0]


def looks_like(head: bytes) -> str:
    """Says in a few words what a text looks like if not like running text; otherwise empty."""
    lines = _whole_lines(head)
    if len(lines) < _MIN_TABLE_LINES:
        return ""
    tabs = {line.count("\t") for line in lines}
    if len(tabs) == 1 and tabs != {0}:
        return "a table with tabs"
    if _columns(lines) >= 3:
        return "a comma-separated table"
    tags = sum(bool(_TAG_LINE.match(line)) for line in lines)
    return "markup" if tags >= max(2, _MANY_TAG_LINES * len(lines)) else ""


def legacy_encoding(content: bytes) -> str:
    """Shows how bytes that are not UTF-8 would read in the encoding that they most likely have."""
    excerpt = content.decode("cp1252", "replace").strip()[:40]
    return f"as Windows-1252 or Latin-1 it would begin {excerpt!r}"


def _not_text(head: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return _encoded(encoding)
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return f"{name}. Give a text file."
    if b"\0" not in head:
        return ""
    if _begins_with_record(head):
        return "a TFRecord file. Set its format to tfrecord, or give a text file."
    shares = [part.count(0) / max(len(part), 1) for part in (head[0::2], head[1::2])]
    quarters = [head[n::4].count(0) / max(len(head[n::4]), 1) for n in range(4)]
    if sorted(quarters)[1] > 0.9:
        return _encoded("UTF-32")
    number = head.count(0)
    many = _MANY_NULS if number >= _SOME_NULS else _MANY_OF_FEW
    # In binary data, NULs are about equally frequent at even and at odd positions.
    if max(shares) > many and min(shares) < max(shares) / 10:
        return _encoded("UTF-16")
    if number > many * len(head):
        return "binary data: one byte in twenty, or more, is NUL. Give a text file."
    return ""


def _encoded(encoding: str) -> str:
    return (
        f"{encoding} text, and only UTF-8 is read. Convert it: "
        f"iconv -f {encoding} -t UTF-8 FILE > NEW_FILE."
    )


def _other_text(head: bytes, form: Form) -> str:
    text = head.removeprefix(UTF8_MARK).decode("utf-8", "replace")
    if "\n" not in text and text.count("\r") > 1:
        return (
            "a text whose lines end in carriage returns alone (old Macintosh). Convert it: "
            "tr '\\r' '\\n' < FILE > NEW_FILE."
        )
    if form != "json" and _MARKUP.match(text):
        return "markup (XML or HTML) and no plain text. Extract its text."
    if form in ("text", "tsv", "csv") and _JSON_OBJECT.match(text):
        kind = "a JSON array" if _JSON_ARRAY.match(text) else "JSON (lines)"
        return f"{kind}, but is read as {form}. Set the format to jsonl (an object on each line)."
    if form == "jsonl":
        if _JSON_ARRAY.match(text):
            return (
                "a JSON array, but read is an object on each line. Write it so (pandas: "
                'to_json(orient="records", lines=True)).'
            )
        if _OPEN_OBJECT.match(text):
            return (
                "a JSON text that runs over several lines, but read is an object on each line. "
                "Write each object on a line of its own."
            )
    return ""


def _begins_with_record(head: bytes) -> bool:
    """Whether the first twelve bytes are a TFRecord's length with its checksum."""
    if len(head) < 12:
        return False
    checksum = google_crc32c.value(head[:8])
    masked = (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    return struct.unpack_from("<I", head, 8)[0] == masked


def _whole_lines(head: bytes) -> list[str]:
    lines = head.removeprefix(UTF8_MARK).decode("utf-8", "replace").split("\n")
    if len(head) >= HEAD_BYTES:
        # The last line is cut off.
        lines.pop()
    filled = [line for line in lines if line.strip()]
    return filled[:_MAX_TABLE_LINES]


def _columns(lines: list[str]) -> int:
    """Returns the number of columns of a comma-separated table; 0 if this is not such a table.

    All lines must have the same number of columns. A space after a comma indicates running text.
    """
    try:
        rows = list(csv.reader(lines, strict=True))
    except csv.Error:
        return 0
    if any(value.startswith(" ") for row in rows for value in row[1:]):
        return 0
    numbers = set(map(len, rows))
    return numbers.pop() if len(numbers) == 1 else 0
