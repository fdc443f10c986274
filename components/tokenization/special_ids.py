"""Special pieces of XLNet's vocabulary and their ids, as the published model has them."""

from __future__ import annotations

# SentencePiece writes the space before a word as this character (U+2581).
SPIECE_UNDERLINE = "▁"

UNK_ID = 0
BOS_ID = 1
EOS_ID = 2
CLS_ID = 3
SEP_ID = 4
PAD_ID = 5
MASK_ID = 6
EOD_ID = 7
EOP_ID = 8

SPECIAL_PIECES: tuple[str, ...] = (
    "<unk>",
    "<s>",
    "</s>",
    "<cls>",
    "<sep>",
    "<pad>",
    "<mask>",
    "<eod>",
    "<eop>",
)
"""The special pieces; the position is the id."""

# What a trainer of a vocabulary is told, so that the pieces get those ids (the published recipe):
# <unk>, <s> and </s> are SentencePiece's own, control symbols never match text, and user-defined
# symbols are always a piece of their own.
CONTROL_SYMBOLS: tuple[str, ...] = SPECIAL_PIECES[CLS_ID : EOD_ID + 1]
USER_DEFINED_SYMBOLS: tuple[str, ...] = ("<eop>", ".", "(", ")", '"', "-", "–", "£", "€")
