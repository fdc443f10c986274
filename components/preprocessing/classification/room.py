"""How much room the sequences of records have, for code that checks settings without TensorFlow."""

from __future__ import annotations

# A single text needs SEP and CLS; a second text needs another SEP.
SINGLE_SPECIALS = 2
PAIR_SPECIALS = 3


def longest_question(seq_len: int) -> int:
    """Returns the most pieces of a question with an option that leave room for the passage.

    At least one piece of the passage must fit.
    """
    return seq_len - PAIR_SPECIALS - 1
