"""Which characters of a paragraph a piece answers for, of those that no piece stands for.

Decoding needs this where there is no tokenizer, as on a TPU.
"""

from __future__ import annotations

import numpy as np


def last_reached(starts: np.ndarray, ends: np.ndarray, end: int | None) -> np.ndarray:
    """Returns the last character that each piece covers, including characters without a piece.

    A character without a piece belongs to the piece before it. Such characters are marks that
    normalisation removes, and those of which only a similar neighbour was matched (such as the
    second and third character of \'\'\'). If every character has a piece, the result is `ends`.

    Args:
        starts: int[n], `Alignment.tok_start_to_orig_index` of consecutive pieces.
        ends: int[n], `Alignment.tok_end_to_orig_index` of these pieces.
        end: number of characters in the paragraph if these pieces include its last one; otherwise
            None, and then the last piece is not extended.

    Returns:
        int[n], at least `ends`.
    """
    following = ends + 1
    behind = np.searchsorted(starts, following, side="right")
    # Of all pieces that begin at or before this character, the last one also ends last.
    is_covered = ends[behind - 1] >= following
    next_start = np.append(starts, 0)[behind]
    at_end = following if end is None else np.full_like(following, end)
    next_start = np.where(behind < len(starts), next_start, at_end)
    return np.where(is_covered, ends, np.maximum(ends, next_start - 1))
