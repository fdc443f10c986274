"""Provides Python's knowledge of Unicode to the in-graph tokenizer, as tables and regex classes.

TensorFlow's own operations follow the version of ICU that they were built with, and Python follows
its `unicodedata`. The two disagree about characters that one of them does not know yet. Therefore
the graph uses tables made by Python: the two tokenizers agree by construction, and a served model
keeps the tables that it was trained with.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
import unicodedata
from collections.abc import Iterable, Iterator

import numpy as np

from components.tokenization.normalization import (
    NONCHARACTER,
    NONCHARACTER_STAND_IN,
    NONCHARACTERS,
)

CAPITAL_SIGMA = "Σ"

# Tables over all of Unicode are divided into pages, and equal pages are stored once. That takes 0.3
# MB instead of 4 MB.
PAGE_SIZE = 256
_SURROGATES = range(0xD800, 0xE000)


@dataclasses.dataclass(frozen=True)
class CharacterMap:
    """A map from every code point to a sequence of code points.

    The entry of code point `c` is `pages[page_of[c // PAGE_SIZE], c % PAGE_SIZE]`. Entry 0 means
    that the code point stays unchanged. Any other entry `e` maps it to `lengths[e]` code points,
    which begin at `values[starts[e]]`.

    Attributes:
        page_of: int32 [number of pages in Unicode], the row of `pages` for each page.
        pages: int32 [number of different pages, PAGE_SIZE], the entry of each code point.
        starts: int32 [entries], where the sequence of each entry begins in `values`.
        lengths: int32 [entries], the length of each sequence; 0 deletes the code point, and entry 0
            has length 1.
        values: int32, the code points of all sequences.
    """

    page_of: np.ndarray
    pages: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    values: np.ndarray


@functools.lru_cache(maxsize=4)
def make_character_map(*, uncased: bool, keep_accents: bool) -> CharacterMap:
    """Builds the table for the part of the normalisation that treats each character by itself.

    NFKD can be computed character by character because it only reorders combining characters, which
    are removed anyway. The only rule of `str.lower` that depends on neighbouring characters is that
    for the final sigma; it is left to the caller, so `Σ` is not changed here. Noncharacters are
    replaced by `NONCHARACTER_STAND_IN`.
    """

    def convert(text: str) -> str:
        if not keep_accents:
            decomposed = unicodedata.normalize("NFKD", text)
            text = "".join(c for c in decomposed if not unicodedata.combining(c))
        if uncased:
            text = "".join(c if c == CAPITAL_SIGMA else c.lower() for c in text)
        return NONCHARACTER.sub(NONCHARACTER_STAND_IN, text)

    entries: dict[str, int] = {}
    # The value of entry 0 is never looked up, but the entry must have a length.
    starts, lengths, values = [0], [1], [0]
    unchanged_page = (0,) * PAGE_SIZE
    page_numbers = {unchanged_page: 0}
    page_of = []
    for characters in _iterate_pages():
        page = unchanged_page
        if convert("".join(characters)) != "".join(characters):
            numbers = []
            for character in characters:
                converted = convert(character)
                if converted == character:
                    numbers.append(0)
                    continue
                if converted not in entries:
                    entries[converted] = len(starts)
                    starts.append(len(values))
                    lengths.append(len(converted))
                    values += map(ord, converted)
                numbers.append(entries[converted])
            page = tuple(numbers + [0] * (PAGE_SIZE - len(numbers)))
        page_of.append(page_numbers.setdefault(page, len(page_numbers)))
    return CharacterMap(
        page_of=np.array(page_of, np.int32),
        pages=np.array(list(page_numbers), np.int32),
        starts=np.array(starts, np.int32),
        lengths=np.array(lengths, np.int32),
        values=np.array(values, np.int32),
    )


@functools.cache
def whitespace_class() -> str:
    """Returns the white space of `str.split`, as the inside of a regex character class."""
    return _to_class(chr(code_point) for code_point in whitespace_code_points().tolist())


@functools.cache
def whitespace_code_points() -> np.ndarray:
    """Returns the white space of `str.split` and `str.strip` as int32 code points, ascending."""
    return np.array([ord(c) for page in _iterate_pages() for c in page if c.isspace()], np.int32)


def noncharacter_class() -> str:
    """Returns the noncharacters as the inside of a regex character class."""
    return _to_class(NONCHARACTERS)


@functools.cache
def unseen_code_points() -> np.ndarray:
    """Returns all invisible characters as int32 code points, ascending.

    These are white space, control characters and format characters.
    """
    characters = (c for page in _iterate_pages() for c in page)
    return np.array(
        [ord(c) for c in characters if c.isspace() or unicodedata.category(c) in ("Cc", "Cf")],
        np.int32,
    )


@functools.cache
def final_sigma_classes() -> tuple[str, str]:
    """Returns the cased and the case-ignorable characters, as insides of regex character classes.

    They are needed for the rule of the final sigma: the lower case of `Σ` is `ς` if a cased
    character precedes it and none follows, where case-ignorable characters in between do not count
    (The Unicode Standard, section 3.13, Final_Sigma). Python exports neither property, but both can
    be derived from what it does to `Σ`. A character that has both properties counts as ignorable.
    """
    cased, ignorable = [], []
    for page in _iterate_pages():
        for character in page:
            if (character + CAPITAL_SIGMA).lower().endswith("ς"):
                cased.append(character)
            elif ("A" + character + CAPITAL_SIGMA).lower().endswith("ς"):
                ignorable.append(character)
    return _to_class(cased), _to_class(ignorable)


def _iterate_pages() -> Iterator[list[str]]:
    """Yields all characters page by page, except surrogates, which well-formed text never has."""
    for first in range(0, sys.maxunicode + 1, PAGE_SIZE):
        in_page = range(first, first + PAGE_SIZE)
        yield [] if first in _SURROGATES else [chr(code_point) for code_point in in_page]


def _to_class(characters: Iterable[str]) -> str:
    """Converts characters, given in ascending order, to ranges in RE2's notation."""
    ranges: list[list[int]] = []
    for code_point in map(ord, characters):
        if ranges and ranges[-1][1] == code_point - 1:
            ranges[-1][1] = code_point
        else:
            ranges.append([code_point, code_point])
    return "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in ranges)
