"""XLNet's rule for pieces that end in a digit and a comma, such as `▁2000,`.

SentencePiece has learned such pieces from running text. XLNet segments each of them again without
its comma, so that a number always has the same pieces. The result depends only on the piece itself,
so it can be computed once for the whole vocabulary (`vocabulary.Vocabulary.replacements`).
"""

from __future__ import annotations

from collections.abc import Callable

from components.tokenization.special_ids import SPIECE_UNDERLINE


def applies_to(piece: str) -> bool:
    """Whether a piece ends in a digit and a comma; `str.isdigit` decides, so `²` is a digit."""
    return len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()


def split(piece: str, encode_as_pieces: Callable[[str], list[str]]) -> list[str]:
    """Splits a piece to which the rule applies.

    Args:
        piece: a piece for which `applies_to` is true.
        encode_as_pieces: returns the SentencePiece model's best segmentation of a text.

    Returns:
        The pieces of the number, followed by the comma. The segmentation adds a space in front of
        the number, which is removed again unless the original piece began a word.
    """
    number = encode_as_pieces(piece[:-1].replace(SPIECE_UNDERLINE, ""))
    begins_word = piece.startswith(SPIECE_UNDERLINE)
    if not begins_word and number and number[0].startswith(SPIECE_UNDERLINE):
        first = number[0][len(SPIECE_UNDERLINE) :]
        number = [first, *number[1:]] if first else number[1:]
    return [*number, ","]
