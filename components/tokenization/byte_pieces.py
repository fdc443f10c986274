"""Pieces that stand for bytes, with which some vocabularies spell unknown characters.

Vocabularies trained with SentencePiece's option `byte_fallback` have them. For the model, `<0xE6>`
is a piece like any other, but in the text it stands for one byte of a character's UTF-8 encoding.
SentencePiece always returns all the bytes of a character, one after another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sentencepiece

_BASE = 16


class BytePiece(str):
    """A piece such as `<0xE6>`, which stands for one byte."""

    @property
    def byte(self) -> int:
        """The value of the byte that the piece stands for."""
        return int(self[1:-1], _BASE)


def of_vocabulary(processor: sentencepiece.SentencePieceProcessor) -> dict[int, BytePiece]:
    """Returns the byte pieces of a vocabulary by id.

    Most vocabularies have none, including the published one of XLNet. Byte pieces are recognised by
    their type in the SentencePiece model, because an ordinary piece may be spelled the same way.
    """
    return {
        piece_id: BytePiece(processor.IdToPiece(piece_id))
        for piece_id in range(processor.GetPieceSize())
        if processor.IsByte(piece_id)
    }


def join(pieces: Sequence[str]) -> tuple[str, np.ndarray]:
    """Joins pieces into the text that they stand for.

    Returns:
        The text, and int64 [number of pieces], how many characters of the text begin in each piece.
        A character that is spelled in bytes begins in the first of them.
    """
    if not any(isinstance(piece, BytePiece) for piece in pieces):
        return "".join(pieces), np.fromiter(map(len, pieces), np.int64, len(pieces))
    text = b"".join(
        bytes([piece.byte]) if isinstance(piece, BytePiece) else piece.encode() for piece in pieces
    )
    lengths = [
        not _continues(piece.byte) if isinstance(piece, BytePiece) else len(piece)
        for piece in pieces
    ]
    return text.decode(), np.array(lengths, np.int64)


def _continues(byte: int) -> bool:
    """Whether a byte continues a UTF-8 character (The Unicode Standard, table 3-6)."""
    return byte & 0b1100_0000 == 0b1000_0000
