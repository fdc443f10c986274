"""Which characters of a paragraph each piece stands for.

Pieces are of the normalised text, answers are counted in characters of the original one. The
published alignment is a longest common subsequence between the paragraph, each character normalised
by itself, and the text of the pieces. It is made once per paragraph here, and in nearly all
paragraphs it is the identity shifted by the space that the first piece begins with.

Departure from the reference: a paragraph whose common subsequence is shorter than 80 % is not
dropped with its questions, but aligned by a fallback that always gives an answer span. And an
answer is never given pieces that stand for less than what is seen of it: the published span, where
a character became several that something else in the paragraph also looks like, can be beside it.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence

import numpy as np

from components.preprocessing.question_answering import common_subsequence
from components.tokenization import byte_pieces, normalization
from components.tokenization.special_ids import SPIECE_UNDERLINE

# Of the published alignment: width of the band beyond the difference in length, number of bands
# tried (each twice as wide), and share of the paragraph that must be matched.
BAND_MARGIN = 5
NUM_BANDS = 2
MIN_MATCHED_SHARE = 0.8
_SPACE = ord(" ")


class AlignmentMethod(enum.Enum):
    """How an alignment was found; the first two are what the reference computes."""

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
    """Pieces of a paragraph and its characters, N of them.

    Attributes:
        tok_start_to_orig_index: int32[num_pieces], character at which each piece begins.
        tok_end_to_orig_index: int32[num_pieces], last character of each piece.
        method: how it was found.
        piece_char_of_orig: int32[N], for each character the one of the pieces' text that is matched
            with it, the first if there are several, or -1.
        last_piece_char_of_orig: int32[N], the last if there are several, or -1.
        piece_of_char: int32[M], the piece in which each character of the pieces' text begins.
        last_piece_of_char: int32[M], the one in which it ends: another where pieces are bytes.
    """

    tok_start_to_orig_index: np.ndarray
    tok_end_to_orig_index: np.ndarray
    method: AlignmentMethod
    piece_char_of_orig: np.ndarray
    last_piece_char_of_orig: np.ndarray
    piece_of_char: np.ndarray
    last_piece_of_char: np.ndarray

    def piece_span(self, start: int, end: int) -> tuple[int, int]:
        """First and last piece of the characters `start` … `end`, both included.

        Departure from the reference: where its pieces leave out something of the answer, which no
        paragraph of SQuAD shows, they are the fewest that do not.
        """
        first = convert_indices(self.piece_char_of_orig, np.array([start]), is_start=True)[0]
        last = convert_indices(self.last_piece_char_of_orig, np.array([end]), is_start=False)[0]
        first_piece = int(self.piece_of_char[first])
        # Where nothing of the answer is matched the two can cross; the reference fails there.
        last_piece = max(first_piece, int(self.last_piece_of_char[last]))
        starts = self.tok_start_to_orig_index
        num_characters = len(self.piece_char_of_orig)
        reach = last_reached(starts, self.tok_end_to_orig_index, num_characters)
        # The first piece also stands for what is before it.
        if first_piece and starts[first_piece] > start:
            before = np.searchsorted(starts, start, side="right") - 1
            first_piece = int(np.searchsorted(starts, starts[max(before, 0)]))
        if reach[last_piece] < end:
            last_piece = int(np.searchsorted(starts, end, side="right")) - 1
        return first_piece, max(first_piece, last_piece)


def last_reached(starts: np.ndarray, ends: np.ndarray, end: int | None) -> np.ndarray:
    """The last character that each piece answers for: those that no piece stands for are its too.

    Such are marks, which normalisation takes off, and characters that stand where another one like
    them was matched (the second and third of \'\'\'). Where every character has its piece, a piece
    answers for what it stands for.

    Args:
        starts: int[n], `Alignment.tok_start_to_orig_index` of pieces that follow each other.
        ends: int[n], `Alignment.tok_end_to_orig_index`.
        end: number of the paragraph's characters if the last of these pieces is its last; else
            None, and what follows that piece is left open.

    Returns:
        int[n], at least `ends`.
    """
    following = ends + 1
    behind = np.searchsorted(starts, following, side="right")
    # Of the pieces that begin no later, the last one ends last.
    is_covered = ends[behind - 1] >= following
    next_start = np.append(starts, 0)[behind]
    at_end = following if end is None else np.full_like(following, end)
    next_start = np.where(behind < len(starts), next_start, at_end)
    return np.where(is_covered, ends, np.maximum(ends, next_start - 1))


def align(
    text: str, pieces: Sequence[str], *, uncased: bool, keep_accents: bool = False
) -> Alignment:
    """Aligns the pieces of a paragraph with its characters.

    Args:
        text: the paragraph as it stands in the data, not empty.
        pieces: of the normalised paragraph, not empty, as text with "▁" for spaces.
        uncased: whether the normalisation lowers the case.
        keep_accents: whether it keeps accents.

    Returns:
        The alignment, the reference's where that gives one.
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
    # A byte that is not the first of its character has no character of its own.
    starts = ends - np.maximum(lengths, 1)
    piece_of_char = np.repeat(np.arange(len(pieces), dtype=np.int32), lengths)
    last_piece_of_char = np.searchsorted(starts, np.arange(len(piece_text)), side="right") - 1
    of_pieces = piece_of_char, last_piece_of_char.astype(np.int32)
    if orig_of_char is None:
        return _proportional(len(text), starts, ends, *of_pieces)

    chars = np.flatnonzero(orig_of_char >= 0)
    first_chars, last_chars = np.full((2, len(text)), -1, np.int32)
    # Of several assignments to a place the last one stays.
    last_chars[orig_of_char[chars]] = chars
    first_chars[orig_of_char[chars[::-1]]] = chars[::-1]
    if keep_accents and last_chars[-1] < 0 and orig_of_char[-1] < 0:
        # SentencePiece takes some characters apart and puts marks together (Thai `ำ`, text in
        # NFD): what is left over at both ends belongs together. Without accents the published
        # alignment stays, which takes what is before it.
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
    """Looks up positions in a partial mapping; gaps are filled from their neighbours.

    A position in a gap becomes the first character after the match before the gap (for starts), or
    the last one before the match behind it (for ends), as in the published preprocessing.

    Args:
        index: int32[n], increasing where it is not -1, at least one entry not -1.
        positions: indices into it.
        is_start: whether the positions begin or end a span.
        end: number of legal values; None if the gap at the end takes the last match itself.

    Returns:
        int32, like `positions`.
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
    # Here all of the paragraph can be matched, and then ties are broken towards the front; no match
    # of its first character is further in front than this.
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
        # The published conditions differ: more than the share, and for the last band not less.
        if match is not None and match.length and (is_last or match.length > MIN_MATCHED_SHARE * n):
            return match.a_of_b, method
        max_distance *= 2
    return None, method


def _num_common(a: np.ndarray, b: np.ndarray) -> int:
    """Number of symbols that the two have in common as bags: no subsequence is longer."""
    a = a[a != common_subsequence.NO_SYMBOL]
    _, inverse = np.unique(np.concatenate([a, b]), return_inverse=True)
    size = int(inverse.max(initial=-1)) + 1
    counts = np.bincount(inverse[: len(a)], minlength=size)
    return int(np.minimum(counts, np.bincount(inverse[len(a) :], minlength=size)).sum())


def _match_parts(
    text: str, piece_text: str, normalise: _CharacterTable
) -> tuple[np.ndarray | None, AlignmentMethod]:
    """Fallback: both sides taken apart as far as they go, so that e.g. ㎏ meets k and g."""
    expanded_text, owner_in_text = normalise.expand(text)
    expanded_pieces, owner_in_pieces = normalise.expand(piece_text)
    if len(expanded_text) and len(expanded_pieces):
        try:
            match = common_subsequence.match(expanded_text, expanded_pieces)
        except common_subsequence.TooDifferentError:
            match = None
        if match is not None and match.length:
            orig_of_char = np.full(len(piece_text), -1, np.int32)
            # The first part that is matched speaks for the character: assignment from the back.
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
    """Last fallback: pieces get as much of the paragraph as they are long."""
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
    """The normalisation of single characters, remembered."""

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
        """int32[len(text)]: code point that each character becomes, if it becomes just one."""
        if text.isascii():
            # Nothing is taken apart, nothing else is lowered.
            return _code_points(text.lower() if self._uncased else text)
        symbols = self._symbols
        for character in set(text).difference(symbols):
            normalised = self._normalise(character)
            symbols[character] = (
                ord(normalised) if len(normalised) == 1 else common_subsequence.NO_SYMBOL
            )
        return np.fromiter(map(symbols.__getitem__, text), np.int32, len(text))

    def expand(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """All code points that the characters become, int32, and the character of each, int32."""
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
