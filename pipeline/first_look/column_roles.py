"""Guesses what the columns of a table are for: texts, labels, numbers or ids."""

from __future__ import annotations

import re
from typing import Literal

from pipeline.first_look.column_profile import ColumnProfile

Role = Literal["text", "label", "number", "id", "date", "empty", "list", "other"]

# Below this many rows, a column without repetition says nothing.
_MIN_ROWS = 10
_MAX_LABEL_WORDS = 4
_MIN_TEXT_WORDS = 3
# Scripts without spaces have few "words"; texts in them are recognised by their length.
_MIN_TEXT_CHARACTERS = 15
# A label stands on two rows or more, on average.
_ROWS_PER_LABEL = 2
_ID_NAME = re.compile(r"(^|[_\W])(id|guid|uuid|key|nr|no|index|idx|number)$", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
# What columns of labels are called, in the languages of many public data sets.
_LABEL_NAME = re.compile(
    r"(label|class|category|target|sentiment|intent|topic|tag|type|team|queue|department|rating"
    r"|stars?|score|polarity|stance|verdict|etikett|klasse|kategorie|étiquette|etiquette|classe"
    r"|catégorie|categoria|categoría|etiqueta|clase|sentimiento|etichetta|метка|класс|标签|类别"
    r"|ラベル)s?",
    re.IGNORECASE,
)


def guess(column: ColumnProfile) -> Role:
    """Returns what a column is most likely for."""
    if not column.filled:
        return "list" if column.not_text else "empty"
    if column.not_text > column.filled:
        return "list"
    is_unique = column.distinct == column.filled and column.filled >= _MIN_ROWS
    if column.numbers == column.filled:
        is_id = is_unique and column.whole_numbers == column.filled
        return "id" if is_id or (is_named_like_an_id(column) and is_unique) else "number"
    if column.counts and all(_DATE.fullmatch(value.strip()) for value in column.counts):
        return "date"
    words, characters = column.words_at(0.5), column.characters / column.filled
    is_short = column.words_at(0.95) <= _MAX_LABEL_WORDS
    if is_short and column.counts and column.distinct * _ROWS_PER_LABEL <= column.filled:
        return "label"
    may_be_an_id = column.counts or is_named_like_an_id(column)
    if is_unique and words <= 1 and may_be_an_id and not _is_without_spaces(column):
        return "id"
    if words >= _MIN_TEXT_WORDS or characters >= _MIN_TEXT_CHARACTERS:
        return "text"
    return "other"


def is_named_like_a_label(column: ColumnProfile) -> bool:
    """Whether the name of a column says that it holds labels."""
    return isinstance(column.name, str) and bool(_LABEL_NAME.fullmatch(column.name.strip()))


def is_named_like_an_id(column: ColumnProfile) -> bool:
    """Whether the name of a column says that it holds ids."""
    return isinstance(column.name, str) and bool(_ID_NAME.search(column.name.strip()))


def _is_without_spaces(column: ColumnProfile) -> bool:
    """Whether the values are written in a script such as Chinese or Thai."""
    values = "".join(list(column.counts)[:50])
    return sum(character > "\u0e00" for character in values) > len(values) / 2
