"""Normalises text before it is split into pieces.

`graph_normalization.py` does the same inside a TensorFlow graph; change both together.
"""

from __future__ import annotations

import re
import sys
import unicodedata

REPLACEMENT_CHARACTER = "\ufffd"
# Replaces the 66 noncharacters (U+FFFF and the like; The Unicode Standard, section 23.7), which
# TensorFlow does not encode: it writes U+FFFD, which the vocabulary reads as a space. For
# SentencePiece, noncharacters are unknown, and so is this last character of the private use area.
NONCHARACTER_STAND_IN = "\U0010fffd"

_PLANES = range(0, sys.maxunicode + 1, 0x10000)
NONCHARACTERS = "".join(
    map(chr, (*range(0xFDD0, 0xFDF0), *(plane + n for plane in _PLANES for n in (0xFFFE, 0xFFFF))))
)
NONCHARACTER = re.compile(f"[{NONCHARACTERS}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def to_unicode(text: str | bytes) -> str:
    """Returns text that can be encoded as UTF-8.

    Bytes that are not valid UTF-8, and lone surrogates (which can enter a `str` through JSON or
    `surrogateescape`), become U+FFFD, which the published SentencePiece model reads as a space.
    """
    if isinstance(text, bytes):
        return text.decode("utf-8", errors="replace")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return _SURROGATE.sub(REPLACEMENT_CHARACTER, text)
    return text


def normalize(
    text: str | bytes,
    *,
    uncased: bool = False,
    keep_accents: bool = False,
    collapse_whitespace: bool = True,
) -> str:
    r"""Normalises text as XLNet's vocabulary expects it.

    The steps are, in this order: runs of white space (as `str.split` defines it) become one space,
    and white space at the ends is removed; two backticks or two apostrophes become `"`;
    noncharacters become `NONCHARACTER_STAND_IN`; NFKD is applied and combining characters are
    removed; the text is converted to lower case.

    Args:
        text: any text; what is not valid Unicode is replaced (see `to_unicode`).
        uncased: whether to convert the text to lower case.
        keep_accents: whether to skip NFKD and the removal of combining characters.
        collapse_whitespace: whether to carry out the first step.

    Returns:
        The normalised text. NFKD may add new spaces ("¨" decomposes into a space and a mark); they
        are kept here, and SentencePiece collapses them.
    """
    text = to_unicode(text)
    if collapse_whitespace:
        text = " ".join(text.split())
    text = text.replace("``", '"').replace("''", '"')
    if not text.isascii():
        text = NONCHARACTER.sub(NONCHARACTER_STAND_IN, text)
        if not keep_accents:
            decomposed = unicodedata.normalize("NFKD", text)
            text = "".join(c for c in decomposed if not unicodedata.combining(c))
    return text.lower() if uncased else text
