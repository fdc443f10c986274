"""The rule for pieces that end in a digit and a comma, such as `▁2000,`.

SentencePiece learned such pieces from running text. XLNet splits each again without its comma, so
that a number has the same pieces wherever it stands. The rule looks at nothing but the piece,
hence it is a table over the vocabulary (`vocabulary.Vocabulary.replacements`).
"""

from __future__ import annotations

from collections.abc import Callable

from components.tokenization.special_ids import SPIECE_UNDERLINE


def applies_to(piece: str) -> bool:
    """True for a piece that ends in a digit (`str.isdigit`, so `²` counts) and a comma."""
    return len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()


def split(piece: str, encode_as_pieces: Callable[[str], list[str]]) -> list[str]:
    """Pieces that stand for a piece to which the rule applies.

    Args:
        piece: one for which `applies_to` is true.
        encode_as_pieces: the SentencePiece model's best segmentation of a text.

    Returns:
        The pieces of the number, then the comma. The segmentation puts a space in front, which
        is taken away again unless the piece itself began a word.
    """
    number = encode_as_pieces(piece[:-1].replace(SPIECE_UNDERLINE, ""))
    begins_word = piece.startswith(SPIECE_UNDERLINE)
    if not begins_word and number and number[0].startswith(SPIECE_UNDERLINE):
        first = number[0][len(SPIECE_UNDERLINE) :]
        number = [first, *number[1:]] if first else number[1:]
    return [*number, ","]
