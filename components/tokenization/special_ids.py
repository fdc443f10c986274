"""The special pieces of XLNet's vocabulary and their ids, as in the published model."""

from __future__ import annotations

# SentencePiece writes the space before a word as this character (U+2581).
SPIECE_UNDERLINE = "▁"

UNK_ID = 0
BOS_ID = 1
EOS_ID = 2
CLS_ID = 3
SEP_ID = 4
EOD_ID = 7

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

# SentencePiece is trained with these lists so that the pieces get the ids above (the published
# recipe). <unk>, <s> and </s> are SentencePiece's own. Control symbols never match text, and a
# user-defined symbol is always a piece by itself.
CONTROL_SYMBOLS: tuple[str, ...] = SPECIAL_PIECES[CLS_ID : EOD_ID + 1]
USER_DEFINED_SYMBOLS: tuple[str, ...] = ("<eop>", ".", "(", ")", '"', "-", "–", "£", "€")
