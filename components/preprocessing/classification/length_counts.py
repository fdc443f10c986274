"""Counting how long texts are in tokens as they become records, and how much of them is lost.

A record has one length, and tells neither how long its text was nor that it was cut.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping

import numpy as np

CUT = "cut"
TOKENS = "tokens"
UNKNOWN_TOKENS = "unknown_tokens"
_LENGTHS = "lengths/"
_LONGER = _LENGTHS + "longer"

_BINS_PER_RECORD = 8
# Texts of more than so many records share a bin.
_MAX_RECORDS = 2


@dataclasses.dataclass(frozen=True)
class Lengths:
    """How long the texts of a split are, special tokens included.

    Attributes:
        bounds: lengths up to which each bin but the last counts, ascending.
        numbers: examples in each bin; those of the last are longer than all bounds.
        num_cut: examples that did not fit into a record.
        num_tokens: that are in the records.
        num_unknown: of them, those that the vocabulary has no piece for.
    """

    bounds: tuple[int, ...]
    numbers: tuple[int, ...]
    num_cut: int
    num_tokens: int
    num_unknown: int

    @property
    def num_examples(self) -> int:
        """Examples of the split."""
        return sum(self.numbers)

    def quantile(self, share: float) -> int | None:
        """Smallest bound that so large a share of the examples does not exceed; None for none."""
        reached = np.cumsum(self.numbers) >= share * self.num_examples
        index = int(np.argmax(reached))
        return self.bounds[index] if index < len(self.bounds) else None


def bounds(seq_len: int) -> tuple[int, ...]:
    """Upper bounds of the bins, eight of which make a record."""
    return tuple(
        sorted(
            {
                -(-seq_len * number // _BINS_PER_RECORD)
                for number in range(1, _MAX_RECORDS * _BINS_PER_RECORD + 1)
            }
        )
    )


def count(
    num_tokens: np.ndarray, num_unknown: np.ndarray, *, seq_len: int
) -> collections.Counter[str]:
    """Counts the examples of one batch.

    Args:
        num_tokens: int [n], what each example would have if nothing was cut.
        num_unknown: int [n], tokens in its record that the vocabulary has no piece for.
        seq_len: length of the records.

    Returns:
        Numbers by name, to be added up: "cut", "tokens" and "unknown_tokens" (of the records), and
        "lengths/<bound>" for each bin.
    """
    limits = bounds(seq_len)
    counts: collections.Counter[str] = collections.Counter(
        {
            CUT: int(np.sum(num_tokens > seq_len)),
            TOKENS: int(np.sum(np.minimum(num_tokens, seq_len))),
            UNKNOWN_TOKENS: int(np.sum(num_unknown)),
        }
    )
    for index in np.searchsorted(limits, num_tokens).tolist():
        counts[f"{_LENGTHS}{limits[index]:05d}" if index < len(limits) else _LONGER] += 1
    return counts


def for_manifest(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """What `count` found, added up by split, under the names that the manifest has."""
    return {
        f"{split}/{name}": number
        for split, found in counts.items()
        for name, number in found.items()
        if name in (CUT, TOKENS, UNKNOWN_TOKENS) or name.startswith(_LENGTHS)
    }


def read(counts: Mapping[str, int], split: str, *, seq_len: int) -> Lengths | None:
    """Lengths of a split by the counts of a manifest; None if it does not tell them."""
    if f"{split}/{TOKENS}" not in counts:
        return None
    limits = bounds(seq_len)
    names = [*(f"{_LENGTHS}{limit:05d}" for limit in limits), _LONGER]
    return Lengths(
        bounds=limits,
        numbers=tuple(counts.get(f"{split}/{name}", 0) for name in names),
        num_cut=counts[f"{split}/{CUT}"],
        num_tokens=counts[f"{split}/{TOKENS}"],
        num_unknown=counts[f"{split}/{UNKNOWN_TOKENS}"],
    )
