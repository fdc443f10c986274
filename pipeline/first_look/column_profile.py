"""Summarises the values of a column in bounded memory."""

from __future__ import annotations

import array
import collections
import dataclasses

from components import decimal_number
from components.example_gen.classification.dataset import Column

# Distinct values that are counted one by one; a column with more holds no labels.
MAX_COUNTED = 1000
# Longer values are texts, whose counts nobody needs.
_MAX_LABEL_CHARACTERS = 200
# Enough to recognise the script in which a column is written.
_BEGINNING_CHARACTERS = 1000


@dataclasses.dataclass(frozen=True)
class ColumnProfile:
    """What a column holds.

    Attributes:
        name: name of the column, or its number from 0.
        filled: number of values that are not blank.
        empty: number of rows in which the column is blank or missing.
        distinct: number of different values that are not blank.
        counts: number of rows of each value; empty if there are too many values, or long ones.
        numbers: number of values that are numbers.
        whole_numbers: number of values that are whole numbers.
        smallest: smallest number; None if there is none.
        largest: largest number; None if there is none.
        not_text: number of values that are neither text nor numbers, such as lists in JSON.
        words: number of words of each value, sorted.
        characters: total number of characters.
        beginning: the first characters of the values, one after the other.
    """

    name: Column
    filled: int
    empty: int
    distinct: int
    counts: dict[str, int]
    numbers: int
    whole_numbers: int
    smallest: float | None
    largest: float | None
    not_text: int
    words: array.array
    characters: int
    beginning: str

    @property
    def shown(self) -> str:
        """The name as messages show it."""
        return shown(self.name)

    @property
    def rows(self) -> int:
        """Number of rows that were looked at."""
        return self.filled + self.empty + self.not_text

    def words_at(self, share: float) -> int:
        """Returns the number of words that this share of the values does not exceed."""
        if not self.words:
            return 0
        return self.words[min(len(self.words) - 1, int(share * len(self.words)))]


def shown(name: Column) -> str:
    """Returns the name of a column as messages show it: in quotes if it has line breaks."""
    return str(name) if str(name).isprintable() else repr(name)


class ColumnProfiler:
    """Adds up the values of a column.

    Args:
        name: name of the column, or its number from 0.
    """

    def __init__(self, name: Column) -> None:
        self._name = name
        self._empty = self._not_text = 0
        self._numbers = self._whole_numbers = self._characters = 0
        self._smallest: float | None = None
        self._largest: float | None = None
        # Hashes take less memory than long texts.
        self._seen: set[int] = set()
        self._counts: collections.Counter[str] | None = collections.Counter()
        self._words = array.array("I")
        self._beginning = ""

    def add(self, value: object) -> None:
        """Adds a value; None stands for a column that the row does not have."""
        if isinstance(value, bool):
            value = str(value).lower()
        if value is not None and not isinstance(value, str):
            self._not_text += 1
            return
        if value is None or not value.strip():
            self._empty += 1
            return
        self._characters += len(value)
        if len(self._beginning) < _BEGINNING_CHARACTERS:
            self._beginning += value[: _BEGINNING_CHARACTERS - len(self._beginning)]
        self._words.append(len(value.split()))
        self._seen.add(hash(value))
        self._count(value)
        number = decimal_number.normalize(value)
        if number is not None:
            self._numbers += 1
            self._whole_numbers += float(number).is_integer()
            found = float(number)
            self._smallest = found if self._smallest is None else min(self._smallest, found)
            self._largest = found if self._largest is None else max(self._largest, found)

    def finish(self) -> ColumnProfile:
        """Returns the summary."""
        return ColumnProfile(
            name=self._name,
            filled=len(self._words),
            empty=self._empty,
            distinct=len(self._seen),
            counts=dict(self._counts or {}),
            numbers=self._numbers,
            whole_numbers=self._whole_numbers,
            smallest=self._smallest,
            largest=self._largest,
            not_text=self._not_text,
            words=array.array("I", sorted(self._words)),
            characters=self._characters,
            beginning=self._beginning,
        )

    def _count(self, value: str) -> None:
        if self._counts is None:
            return
        self._counts[value] += 1
        if len(value) > _MAX_LABEL_CHARACTERS or len(self._counts) > MAX_COUNTED:
            self._counts = None
