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
# Some rows are duplicates even where each has an id of its own.
_SHARE_OF_IDS = 0.9
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
    if column.counts and _is_short(column) and column.distinct * _ROWS_PER_LABEL <= column.filled:
        return "label"
    if _is_without_spaces(column):
        return "text" if column.characters / column.filled >= _MIN_TEXT_CHARACTERS else "other"
    if column.words_at(0.95) <= 1:
        # Addresses, names of accounts, hashes: however long, one word says nothing to a model.
        is_nearly_unique = column.distinct >= _SHARE_OF_IDS * column.filled
        return "id" if is_nearly_unique and column.filled >= _MIN_ROWS else "other"
    may_be_text = (
        column.words_at(0.5) >= _MIN_TEXT_WORDS
        or column.characters / column.filled >= _MIN_TEXT_CHARACTERS
    )
    return "text" if may_be_text else "other"


def is_named_like_a_label(column: ColumnProfile) -> bool:
    """Whether the name of a column says that it holds labels."""
    return isinstance(column.name, str) and bool(_LABEL_NAME.fullmatch(column.name.strip()))


def is_named_like_an_id(column: ColumnProfile) -> bool:
    """Whether the name of a column says that it holds ids."""
    return isinstance(column.name, str) and bool(_ID_NAME.search(column.name.strip()))


def _is_short(column: ColumnProfile) -> bool:
    return column.words_at(0.95) <= _MAX_LABEL_WORDS


def _is_without_spaces(column: ColumnProfile) -> bool:
    """Whether the values are written in a script such as Chinese or Thai."""
    letters = column.beginning
    return sum(character > "\u0e00" for character in letters) > len(letters) / 2
