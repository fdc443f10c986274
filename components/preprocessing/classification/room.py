"""Room in the sequences of records, for those that check settings without TensorFlow."""

from __future__ import annotations

# SEP and CLS; a second text brings a SEP of its own.
SINGLE_SPECIALS = 2
PAIR_SPECIALS = 3


def longest_question(seq_len: int) -> int:
    """Most pieces of a question with an option that leave room for one piece of the passage."""
    return seq_len - PAIR_SPECIALS - 1
