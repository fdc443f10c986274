"""Normalisation of text before it is cut into pieces.

The in-graph twin is `graph_normalization.py`; a change here is a change there.
"""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT_CHARACTER = "\ufffd"

_SURROGATE = re.compile("[\ud800-\udfff]")


def to_unicode(text: str | bytes) -> str:
    """Text that can be encoded as UTF-8.

    Bytes that are not UTF-8, and lone surrogates (JSON and `surrogateescape` let them into a
    `str`), become U+FFFD, which the published SentencePiece model reads as a space.
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
    r"""Text as XLNet's vocabulary expects it.

    In this order: runs of white space (what `str.split` takes for it) become one space, none at
    the ends; two back-ticks or two apostrophes become `"`; NFKD without combining characters; lower
    case.

    Args:
        text: any text; what is not Unicode is replaced, see `to_unicode`.
        uncased: whether to lower the case.
        keep_accents: True leaves out the NFKD step as a whole.
        collapse_whitespace: False leaves white space as it is.

    Returns:
        The normalised text. NFKD may bring new spaces ("¨" decomposes into a space and a mark);
        they stay here and SentencePiece collapses them.
    """
    text = to_unicode(text)
    if collapse_whitespace:
        text = " ".join(text.split())
    text = text.replace("``", '"').replace("''", '"')
    if not keep_accents and not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in decomposed if not unicodedata.combining(c))
    return text.lower() if uncased else text
