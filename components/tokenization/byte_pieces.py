"""Pieces that stand for bytes: how a vocabulary with `byte_fallback` spells unknown characters.

`<0xE6>` is a piece like any other to the model, but what stands in the text is one byte of a
character in UTF-8. SentencePiece only ever gives all bytes of a character, one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sentencepiece

_BASE = 16


class BytePiece(str):
    """A piece such as `<0xE6>`."""

    @property
    def byte(self) -> int:
        """What it stands for."""
        return int(self[1:-1], _BASE)


def of_vocabulary(processor: sentencepiece.SentencePieceProcessor) -> dict[int, BytePiece]:
    """Byte pieces by id; none in most vocabularies, XLNet's own among them.

    SentencePiece knows them by their type: what is spelt like one may be ordinary text.
    """
    return {
        piece_id: BytePiece(processor.IdToPiece(piece_id))
        for piece_id in range(processor.GetPieceSize())
        if processor.IsByte(piece_id)
    }


def join(pieces: Sequence[str]) -> tuple[str, np.ndarray]:
    """The text that pieces stand for, and int64 how many of its characters begin in each piece.

    Of the bytes of a character it is the first in which it begins.
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
    """Whether a byte is not the first of its character (The Unicode Standard, table 3-6)."""
    return byte & 0b1100_0000 == 0b1000_0000
