"""Aligns the pieces of a paragraph with its characters.

Pieces belong to the normalised text, but the positions of answers are counted in characters of the
original text. The published alignment is a longest common subsequence of the paragraph, with each
character normalised by itself, and the text of the pieces. Here it is computed once per paragraph.
In nearly all paragraphs it is the identity, shifted by the space with which the first piece begins.

There are two departures from the reference. If less than 80 % of a paragraph can be matched, the
reference drops it with its questions; here, a fallback aligns it and always gives an answer span.
Also, the pieces of an answer always cover everything visible in it. The published span can lie
beside the answer if a character becomes several in the normalisation and these also occur nearby.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Sequence

import numpy as np

from components.preprocessing.question_answering import common_subsequence
from components.preprocessing.question_answering.reach import last_reached
from components.tokenization import byte_pieces, normalization
from components.tokenization.special_ids import SPIECE_UNDERLINE

# Constants of the published alignment: the width of the band in addition to the difference in
# length, the number of bands that are tried (each twice as wide as the last), and the share of the
# paragraph that must be matched.
BAND_MARGIN = 5
NUM_BANDS = 2
MIN_MATCHED_SHARE = 0.8


class AlignmentMethod(enum.Enum):
    """How an alignment was found; the reference only has the first two methods."""

    SHIFTED = "shifted"
    COMMON_SUBSEQUENCE = "common_subsequence"
    EXPANDED = "expanded"
    PROPORTIONAL = "proportional"

    @property
    def is_fallback(self) -> bool:
        """Whether the reference would have dropped the paragraph."""
        return self in (AlignmentMethod.EXPANDED, AlignmentMethod.PROPORTIONAL)


@dataclasses.dataclass(frozen=True)
class Alignment:
    """The alignment of a paragraph of N characters with its pieces, whose text has M characters.

    Attributes:
        tok_start_to_orig_index: int32[num_pieces], the character at which each piece begins.
        tok_end_to_orig_index: int32[num_pieces], the last character of each piece.
        method: how the alignment was found.
        piece_char_of_orig: int32[N], for each character of the paragraph, the first character in
            the pieces' text that is matched with it, or -1.
        last_piece_char_of_orig: int32[N], the last character in the pieces' text that is matched
            with it, or -1.
        piece_of_char: int32[M], the piece in which each character of the pieces' text begins.
        last_piece_of_char: int32[M], the piece in which it ends; this is a different one only for
            byte pieces.
    """

    tok_start_to_orig_index: np.ndarray
    tok_end_to_orig_index: np.ndarray
    method: AlignmentMethod
    piece_char_of_orig: np.ndarray
    last_piece_char_of_orig: np.ndarray
    piece_of_char: np.ndarray
    last_piece_of_char: np.ndarray

    @functools.cached_property
    def _reach(self) -> np.ndarray:
        """The last character that each piece covers; it serves all answers of the paragraph."""
        return last_reached(
            self.tok_start_to_orig_index,
            self.tok_end_to_orig_index,
            len(self.piece_char_of_orig),
        )

    def piece_span(self, start: int, end: int) -> tuple[int, int]:
        """Returns the first and last piece of the characters `start` to `end`, both inclusive.

        Departure from the reference: if its pieces would leave out part of the answer (which never
        happens in SQuAD), the result is extended by as few pieces as possible to cover the answer.
        """
        first = convert_indices(self.piece_char_of_orig, np.array([start]), is_start=True)[0]
        last = convert_indices(self.last_piece_char_of_orig, np.array([end]), is_start=False)[0]
        first_piece = int(self.piece_of_char[first])
        # If no character of the answer is matched, the two can cross; the reference then fails.
        last_piece = max(first_piece, int(self.last_piece_of_char[last]))
        starts = self.tok_start_to_orig_index
        # The very first piece also covers everything before it, so there is nothing to extend.
        if first_piece and starts[first_piece] > start:
            before = np.searchsorted(starts, start, side="right") - 1
            first_piece = int(np.searchsorted(starts, starts[max(before, 0)]))
        if self._reach[last_piece] < end:
            last_piece = int(np.searchsorted(starts, end, side="right")) - 1
        return first_piece, max(first_piece, last_piece)


def align(
    text: str, pieces: Sequence[str], *, uncased: bool, keep_accents: bool = False
) -> Alignment:
    """Aligns the pieces of a paragraph with its characters.

    Args:
        text: the original paragraph; it must not be empty.
        pieces: pieces of the normalised paragraph as strings, with "▁" for spaces; there must be at
            least one.
        uncased: whether the normalisation converts text to lower case.
        keep_accents: whether the normalisation keeps accents.

    Returns:
        The alignment. It is that of the reference, if the reference finds one.
    """
    piece_text, lengths = byte_pieces.join(pieces)
    piece_text = piece_text.replace(SPIECE_UNDERLINE, " ")
    normalise = _CharacterTable.shared(uncased, keep_accents)
    symbols = normalise.symbols(text)
    target = _code_points(piece_text)
    orig_of_char, method = _match_like_reference(symbols, target)
    if orig_of_char is None:
        orig_of_char, method = _match_parts(text, piece_text, normalise)
    ends = np.cumsum(lengths)
    # A piece for a byte that is not the first one of its character has length 0.
    starts = ends - np.maximum(lengths, 1)
    piece_of_char = np.repeat(np.arange(len(pieces), dtype=np.int32), lengths)
    last_piece_of_char = np.searchsorted(starts, np.arange(len(piece_text)), side="right") - 1
    of_pieces = piece_of_char, last_piece_of_char.astype(np.int32)
    if orig_of_char is None:
        return _proportional(len(text), starts, ends, *of_pieces)

    chars = np.flatnonzero(orig_of_char >= 0)
    first_chars, last_chars = np.full((2, len(text)), -1, np.int32)
    # If an index occurs several times, the last assignment remains.
    last_chars[orig_of_char[chars]] = chars
    first_chars[orig_of_char[chars[::-1]]] = chars[::-1]
    if keep_accents and last_chars[-1] < 0 and orig_of_char[-1] < 0:
        # SentencePiece decomposes some characters (Thai `ำ`) and composes others (text in NFD).
        # What remains unmatched at the end of both texts therefore belongs together. If accents are
        # removed, the published alignment is kept, which uses the character before.
        last_chars[-1] = len(piece_text) - 1
    return Alignment(
        convert_indices(orig_of_char, starts, is_start=True, end=len(text)),
        convert_indices(orig_of_char, ends - 1, is_start=False, end=len(text)),
        method,
        first_chars,
        last_chars,
        *of_pieces,
    )


def convert_indices(
    index: np.ndarray, positions: np.ndarray, *, is_start: bool, end: int | None = None
) -> np.ndarray:
    """Looks up positions in a partial mapping, and fills its gaps from their neighbours.

    As in the published preprocessing, a position in a gap is mapped to the value after that of the
    last match before the gap (for starts), or to the value before that of the first match behind
    the gap (for ends).

    Args:
        index: int32[n], the mapping, with -1 in its gaps. All other values are increasing, and
            there is at least one.
        positions: int, the positions to look up.
        is_start: True if the positions begin a span, False if they end one.
        end: number of legal values; None if positions in the gap at the end are mapped to the value
            of the last match.

    Returns:
        int32, with the shape of `positions`.
    """
    n = len(index)
    known = np.flatnonzero(index >= 0)
    if len(known) == n:
        return index[positions]
    behind = np.searchsorted(known, positions)
    before = np.searchsorted(known, positions, side="right") - 1
    front = index[known[np.maximum(before, 0)]]
    rear = index[known[np.minimum(behind, len(known) - 1)]]
    has_front, has_rear = before >= 0, behind < len(known)
    is_wide = rear > front + 1
    if is_start:
        between = np.where(is_wide, front + 1, rear)
        at_begin = np.zeros_like(rear)
        at_end = front + 1
    else:
        between = np.where(is_wide, rear - 1, front)
        at_begin = np.maximum(rear - 1, 0)
        at_end = np.full_like(front, -1 if end is None else end - 1)
    if end is None:
        at_end = front
    else:
        at_end = np.where(front < end - 1, at_end, front)
    result = np.where(has_front & has_rear, between, np.where(has_front, at_end, at_begin))
    return np.where(index[positions] >= 0, index[positions], result).astype(np.int32)


def _match_like_reference(
    symbols: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray | None, AlignmentMethod]:
    n, m = len(symbols), len(target)
    # In this case the whole paragraph can be matched. Ties are broken towards the front, and there
    # is no earlier match for the first character, so this is the result of the general algorithm.
    if m == n + 1 and symbols[0] != target[0] and np.array_equal(symbols, target[1:]):
        return np.arange(-1, n, dtype=np.int32), AlignmentMethod.SHIFTED
    method = AlignmentMethod.COMMON_SUBSEQUENCE
    min_length = int(np.ceil(MIN_MATCHED_SHARE * n))
    if _num_common(symbols, target) < min_length:
        return None, method
    max_distance = abs(n - m) + BAND_MARGIN
    for band in range(NUM_BANDS):
        is_last = band == NUM_BANDS - 1
        try:
            match = common_subsequence.match(
                symbols, target, min_length=min_length, max_distance=max_distance
            )
        except common_subsequence.TooDifferentError:
            return None, method
        # As published, the share must be exceeded, except with the last band, where reaching it is
        # enough.
        if match is not None and match.length and (is_last or match.length > MIN_MATCHED_SHARE * n):
            return match.a_of_b, method
        max_distance *= 2
    return None, method


def _num_common(a: np.ndarray, b: np.ndarray) -> int:
    """Counts the common symbols regardless of their order; no common subsequence is longer."""
    a = a[a != common_subsequence.NO_SYMBOL]
    _, inverse = np.unique(np.concatenate([a, b]), return_inverse=True)
    size = int(inverse.max(initial=-1)) + 1
    counts = np.bincount(inverse[: len(a)], minlength=size)
    return int(np.minimum(counts, np.bincount(inverse[len(a) :], minlength=size)).sum())


def _match_parts(
    text: str, piece_text: str, normalise: _CharacterTable
) -> tuple[np.ndarray | None, AlignmentMethod]:
    """First fallback: matches both texts after expanding each character, such as ㎏ to k and g."""
    expanded_text, owner_in_text = normalise.expand(text)
    expanded_pieces, owner_in_pieces = normalise.expand(piece_text)
    if len(expanded_text) and len(expanded_pieces):
        try:
            match = common_subsequence.match(expanded_text, expanded_pieces)
        except common_subsequence.TooDifferentError:
            match = None
        if match is not None and match.length:
            orig_of_char = np.full(len(piece_text), -1, np.int32)
            # The first matched part decides for a character. Later assignments win, so the order is
            # reversed.
            parts = np.flatnonzero(match.a_of_b >= 0)[::-1]
            orig_of_char[owner_in_pieces[parts]] = owner_in_text[match.a_of_b[parts]]
            return orig_of_char, AlignmentMethod.EXPANDED
    return None, AlignmentMethod.EXPANDED


def _proportional(
    num_characters: int,
    starts: np.ndarray,
    ends: np.ndarray,
    piece_of_char: np.ndarray,
    last_piece_of_char: np.ndarray,
) -> Alignment:
    """Last fallback: each piece gets a part of the paragraph in proportion to its length."""
    total = len(piece_of_char)
    starts = starts * num_characters // total
    lasts = np.maximum(starts, ends * num_characters // total - 1)
    characters = np.arange(num_characters)
    first_chars = characters * total // num_characters
    last_chars = np.maximum(first_chars, (characters + 1) * total // num_characters - 1)
    return Alignment(
        starts.astype(np.int32),
        lasts.astype(np.int32),
        AlignmentMethod.PROPORTIONAL,
        first_chars.astype(np.int32),
        last_chars.astype(np.int32),
        piece_of_char,
        last_piece_of_char,
    )


class _CharacterTable:
    """A cache of the normalisation of single characters."""

    _tables: dict[tuple[bool, bool], _CharacterTable] = {}

    @classmethod
    def shared(cls, uncased: bool, keep_accents: bool) -> _CharacterTable:
        key = (uncased, keep_accents)
        if key not in cls._tables:
            cls._tables[key] = cls(*key)
        return cls._tables[key]

    def __init__(self, uncased: bool, keep_accents: bool) -> None:
        self._uncased = uncased
        self._keep_accents = keep_accents
        self._normalised: dict[str, str] = {}
        self._symbols: dict[str, int] = {}

    def symbols(self, text: str) -> np.ndarray:
        """Returns the code point that each character becomes, int32[len(text)].

        It is `NO_SYMBOL` for a character that does not become exactly one.
        """
        if text.isascii():
            # ASCII has nothing to decompose, so only the case may change.
            return _code_points(text.lower() if self._uncased else text)
        symbols = self._symbols
        for character in set(text).difference(symbols):
            normalised = self._normalise(character)
            symbols[character] = (
                ord(normalised) if len(normalised) == 1 else common_subsequence.NO_SYMBOL
            )
        return np.fromiter(map(symbols.__getitem__, text), np.int32, len(text))

    def expand(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns all code points that characters become, and the character of each; both int32."""
        parts = [" " if c.isspace() else self._normalise(c) for c in text]
        lengths = np.fromiter(map(len, parts), np.int64, len(parts))
        owners = np.repeat(np.arange(len(parts), dtype=np.int32), lengths)
        return _code_points("".join(parts)), owners

    def _normalise(self, character: str) -> str:
        normalised = self._normalised.get(character)
        if normalised is None:
            normalised = normalization.normalize(
                character,
                uncased=self._uncased,
                keep_accents=self._keep_accents,
                collapse_whitespace=False,
            )
            self._normalised[character] = normalised
        return normalised


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.int32)
