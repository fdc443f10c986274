"""Reads files of RACE (Lai et al. 2017), each of which holds a passage with its questions.

A file is a JSON object in a folder named after the level of the school (`middle`, `high`). Its keys
are `article`, and the lists `questions`, `options` (a list for each question) and `answers` (a
letter for each question). Only the file as a whole is checked here; mistakes in a single question
are found in `interpretation.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from components.example_gen.classification import rows
from components.example_gen.classification.dataset import RACE_COLUMNS
from components.example_gen.classification.rows import BadRow, Row

MISSING_KEY = "missing key"
LIST_EXPECTED = "not a list"
DIFFERENT_COUNTS = "different numbers of questions, options and answers"
NO_QUESTIONS = "no questions"
FILE_TOO_LARGE = "file too large"

_LISTS = ("questions", "options", "answers")
_ANSWERS = re.compile(rb'"answers"\s*:\s*\[([^\]]*)')


def read(file: BinaryIO, *, level: str, guid: str, max_bytes: int) -> Iterator[Row | BadRow]:
    """Yields a row for each question, or one bad row for a file that cannot be used.

    Args:
        file: file opened for reading, at its beginning.
        level: name of the file's folder, which is the level of its questions.
        guid: id of the file; the number of the question, counted from 0, is appended to it.
        max_bytes: size of the largest legal file in bytes.
    """
    content = _read_object(file, max_bytes)
    if isinstance(content, BadRow):
        # Line 0 says that the bad row stands for the whole file.
        yield content._replace(line=0)
        return
    fields: Mapping[str, object] = content.fields
    flaw = _flaw(fields)
    if flaw is not None:
        counts = [len(value) for value in fields.values() if isinstance(value, list)]
        yield BadRow(0, 0, 0, *flaw, rows.excerpt(fields), max((1, *counts)))
        return
    questions = zip(*(fields[name] for name in _LISTS), strict=True)
    for number, (question, options, answer) in enumerate(questions):
        values = {
            RACE_COLUMNS.guid: f"{guid}-{number}",
            RACE_COLUMNS.level: level,
            RACE_COLUMNS.label: answer,
            RACE_COLUMNS.text_b: question,
            RACE_COLUMNS.options: options,
            # The article comes last, so that the excerpt of a dead letter begins with the question.
            RACE_COLUMNS.text_a: fields["article"],
        }
        yield Row(number + 1, 0, number, values)


def _read_object(file: BinaryIO, max_bytes: int) -> Row | BadRow:
    line = rows.read_whole(file, max_bytes=max_bytes)
    if line.too_long:
        return rows.bad_row(line, 0, FILE_TOO_LARGE, f"more than {max_bytes:,} bytes")
    text = rows.decode(line, line.content, 0)
    found = text if isinstance(text, BadRow) else rows.parse_json(line, 0, text)
    if isinstance(found, BadRow):
        # A lost file counts as many questions as its list of answers has, if that can be read.
        letters = _ANSWERS.search(line.content)
        found = found._replace(weight=max(1, letters[1].count(b'"') // 2 if letters else 1))
    return found


def _flaw(fields: Mapping[str, object]) -> tuple[str, str] | None:
    """Returns what is wrong with a file as a whole, as reason and detail, or None."""
    missing = [name for name in ("article", *_LISTS) if name not in fields]
    if missing:
        return MISSING_KEY, f"no {', '.join(missing)}; the keys are {sorted(fields)}"
    for name in _LISTS:
        if not isinstance(fields[name], list):
            return LIST_EXPECTED, f"{name} is a {type(fields[name]).__name__}"
    counts = {name: len(fields[name]) for name in _LISTS}
    if len(set(counts.values())) > 1:
        return DIFFERENT_COUNTS, ", ".join(f"{count} {name}" for name, count in counts.items())
    return None if counts["questions"] else (NO_QUESTIONS, "")
