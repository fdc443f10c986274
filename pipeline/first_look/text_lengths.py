"""Collects the lengths of texts, from which the lengths in pieces are estimated."""

from __future__ import annotations

import array
import math
import unicodedata

# Characters of a piece, spaces included: measured on 6,000 sentences of SST-2, a vocabulary of 100
# pieces gives 1.4, one of 1,000 gives 2.9, and one of 8,000 gives 4.2. In between it grows with the
# logarithm of the size, a little less than that here, so that no text is estimated too short.
_PER_DOUBLING, _OFFSET = 0.44, -1.6
_SMALLEST_VOCABULARY, _LARGEST_VOCABULARY = 100, 8000
# Chinese, Japanese and Thai have no spaces and up to two characters in a piece.
_CHARACTERS_PER_PIECE_WITHOUT_SPACES = 1.3
# Texts with longer "words" are written without spaces.
_LONGEST_MEAN_WORD = 18
# Distinct words are counted up to this many, which is more than any small vocabulary has pieces.
_MAX_DISTINCT_WORDS = 200_000


class TextLengths:
    """Lengths of texts, and how many different words and characters they have."""

    def __init__(self) -> None:
        self._characters = array.array("L")
        self._words = array.array("L")
        self._distinct_words: set[int] = set()
        self._distinct_characters: set[str] = set()

    def add(self, *texts: str) -> None:
        """Adds an example, which may consist of several texts."""
        self._characters.append(sum(map(len, texts)))
        words = [word for text in texts for word in text.split()]
        self._words.append(len(words))
        if len(self._distinct_words) < _MAX_DISTINCT_WORDS:
            self._distinct_words.update(map(hash, words))
        self._distinct_characters.update(*texts)

    @property
    def distinct_words(self) -> int:
        """Number of different words."""
        return len(self._distinct_words)

    @property
    def distinct_characters(self) -> int:
        """Number of different characters."""
        return len(self._distinct_characters)

    @property
    def has_accents(self) -> bool:
        """Whether there are letters with marks, which are removed unless they are to be kept."""
        return any(
            unicodedata.combining(part)
            for character in self._distinct_characters
            for part in unicodedata.normalize("NFKD", character)
        )

    def words_at(self, share: float) -> int:
        """Returns the number of words that this share of the texts does not exceed."""
        return _at(self._words, share)

    def pieces_at(self, share: float) -> int:
        """Estimates the number of pieces that this share of the texts does not exceed."""
        return round(_at(self._characters, share) / self._characters_per_piece())

    def share_above(self, pieces: int) -> float:
        """Estimates the share of the texts with more pieces than this."""
        limit = pieces * self._characters_per_piece()
        return sum(length > limit for length in self._characters) / max(1, len(self._characters))

    def total_pieces(self) -> int:
        """Estimates the number of pieces of all texts together."""
        return round(sum(self._characters) / self._characters_per_piece())

    def _characters_per_piece(self) -> float:
        mean_word = sum(self._characters) / max(1, sum(self._words))
        if mean_word > _LONGEST_MEAN_WORD:
            return _CHARACTERS_PER_PIECE_WITHOUT_SPACES
        # A vocabulary can hardly have more pieces than the texts have different words.
        size = min(max(self.distinct_words, _SMALLEST_VOCABULARY), _LARGEST_VOCABULARY)
        return _PER_DOUBLING * math.log2(size) + _OFFSET


def _at(values: array.array, share: float) -> int:
    if not values:
        return 0
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
