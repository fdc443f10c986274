"""What Python knows about Unicode, as tables and character classes for the in-graph tokenizer.

TensorFlow's own operations follow the ICU they were built with, Python follows its `unicodedata`,
and the two disagree about characters that one of them is too old for. Hence the graph uses tables
made from Python: both tokenizers agree by construction, and a served model keeps the tables it was
trained with.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator

import numpy as np

CAPITAL_SIGMA = "Σ"
_PLANES = range(0, sys.maxunicode + 1, 0x10000)

# TensorFlow refuses to encode the 66 noncharacters (U+FFFF and the like; The Unicode Standard,
# section 23.7) and would write U+FFFD, which the vocabulary reads as a space. SentencePiece takes
# them for an unknown character, as it does this last one of the private use area.
NONCHARACTER_STAND_IN = "\U0010fffd"
_LAST_OF_PLANES = "".join(chr(plane + last) for plane in _PLANES for last in (0xFFFE, 0xFFFF))
_NONCHARACTER = re.compile(f"[\ufdd0-\ufdef{_LAST_OF_PLANES}]")

# Tables over all of Unicode are kept in pages, and equal pages once: 0.3 MB instead of 4.
PAGE_SIZE = 256
_SURROGATES = range(0xD800, 0xE000)


@dataclasses.dataclass(frozen=True)
class CharacterMap:
    """A map from every code point to a sequence of code points.

    Code point `c` belongs to entry `pages[page_of[c // PAGE_SIZE], c % PAGE_SIZE]`. Entry 0 means
    that it stays as it is; entry `e` maps it to `lengths[e]` values from `starts[e]` on.

    Attributes:
        page_of: int32 [number of pages in Unicode].
        pages: int32 [number of different pages, PAGE_SIZE].
        starts: int32 [entries].
        lengths: int32 [entries]; 0 deletes the code point, and entry 0 has 1.
        values: int32, code points.
    """

    page_of: np.ndarray
    pages: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    values: np.ndarray


@functools.lru_cache(maxsize=4)
def make_character_map(*, uncased: bool, keep_accents: bool) -> CharacterMap:
    """The part of the normalisation that looks at one character at a time.

    That NFKD may be computed character by character is because it only ever reorders combining
    characters, and those are removed. The one rule of `str.lower` that looks at the neighbours, the
    final sigma, is left to the caller: `Σ` is not lowered. Noncharacters get a stand-in.
    """

    def convert(text: str) -> str:
        if not keep_accents:
            decomposed = unicodedata.normalize("NFKD", text)
            text = "".join(c for c in decomposed if not unicodedata.combining(c))
        if uncased:
            text = "".join(c if c == CAPITAL_SIGMA else c.lower() for c in text)
        return _NONCHARACTER.sub(NONCHARACTER_STAND_IN, text)

    entries: dict[str, int] = {}
    # Entry 0 never looks its value up, but must have a length.
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
    """Inside of a regular expression's brackets: what `str.split` takes for white space."""
    return _to_class(chr(code_point) for code_point in whitespace_code_points().tolist())


@functools.cache
def whitespace_code_points() -> np.ndarray:
    """int32, ascending: what `str.split` and `str.strip` take for white space."""
    return np.array([ord(c) for page in _iterate_pages() for c in page if c.isspace()], np.int32)


@functools.cache
def unseen_code_points() -> np.ndarray:
    """int32, ascending: white space, control and format characters, of which nothing is seen."""
    characters = (c for page in _iterate_pages() for c in page)
    return np.array(
        [ord(c) for c in characters if c.isspace() or unicodedata.category(c) in ("Cc", "Cf")],
        np.int32,
    )


@functools.cache
def final_sigma_classes() -> tuple[str, str]:
    """Insides of brackets for the final sigma: cased characters, and those it looks past.

    `Σ` is lowered to `ς` where a cased character precedes it and none follows, case-ignorable
    characters in between not counted (The Unicode Standard, section 3.13, Final_Sigma). Python
    exports neither property, but shows both by what it does to `Σ`. A character with both counts
    as ignorable.
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
    """All characters in pages; surrogates, which no well-formed text holds, are left out."""
    for first in range(0, sys.maxunicode + 1, PAGE_SIZE):
        in_page = range(first, first + PAGE_SIZE)
        yield [] if first in _SURROGATES else [chr(code_point) for code_point in in_page]


def _to_class(characters: Iterable[str]) -> str:
    """Ranges in RE2's notation, from characters in ascending order."""
    ranges: list[list[int]] = []
    for code_point in map(ord, characters):
        if ranges and ranges[-1][1] == code_point - 1:
            ranges[-1][1] = code_point
        else:
            ranges.append([code_point, code_point])
    return "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in ranges)
