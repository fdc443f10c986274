"""Counts how long texts are in tokens while they become records, and how many have to be cut.

All records have the same length, so they no longer tell how long their texts were or whether they
were cut.
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
# Texts longer than this many records share a bin.
_MAX_RECORDS = 2


@dataclasses.dataclass(frozen=True)
class Lengths:
    """A histogram of the lengths of a split's texts, in tokens, including special tokens.

    Attributes:
        bounds: upper bounds (inclusive) of all bins except the last, ascending.
        numbers: number of examples in each bin; those in the last bin are longer than all bounds.
        num_cut: number of examples that did not fit into a record.
        num_tokens: number of tokens in the records.
        num_unknown: number of these tokens for which the vocabulary has no piece.
    """

    bounds: tuple[int, ...]
    numbers: tuple[int, ...]
    num_cut: int
    num_tokens: int
    num_unknown: int

    @property
    def num_examples(self) -> int:
        """The number of examples in the split."""
        return sum(self.numbers)

    def quantile(self, share: float) -> int | None:
        """Returns the smallest bound that at least this share of the examples does not exceed.

        Returns None if there is no such bound.
        """
        reached = np.cumsum(self.numbers) >= share * self.num_examples
        index = int(np.argmax(reached))
        return self.bounds[index] if index < len(self.bounds) else None


def bounds(seq_len: int) -> tuple[int, ...]:
    """Returns the upper bounds of the bins; eight bins cover the length of a record."""
    return tuple(
        sorted(
            {
                -(-seq_len * number // _BINS_PER_RECORD)
                for number in range(1, _MAX_RECORDS * _BINS_PER_RECORD + 1)
            }
        )
    )


def count(
    num_tokens: np.ndarray, num_kept: np.ndarray, num_unknown: np.ndarray, *, seq_len: int
) -> collections.Counter[str]:
    """Counts the examples of a batch.

    Args:
        num_tokens: int [n], number of tokens that each example would have if nothing were cut.
        num_kept: int [n], number of tokens in each record.
        num_unknown: int [n], number of tokens in each record for which the vocabulary has no piece.
        seq_len: length of the records.

    Returns:
        Counts by name, which can be added up over batches: "cut" (examples), "tokens" and
        "unknown_tokens" (in the records), and "lengths/<bound>" for each bin (examples).
    """
    limits = bounds(seq_len)
    counts: collections.Counter[str] = collections.Counter(
        {
            CUT: int(np.sum(num_tokens > num_kept)),
            TOKENS: int(np.sum(num_kept)),
            UNKNOWN_TOKENS: int(np.sum(num_unknown)),
        }
    )
    for index in np.searchsorted(limits, num_tokens).tolist():
        counts[f"{_LENGTHS}{limits[index]:05d}" if index < len(limits) else _LONGER] += 1
    return counts


def for_manifest(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Converts the sums of `count` by split to counters with the names used in the manifest."""
    return {
        f"{split}/{name}": number
        for split, found in counts.items()
        for name, number in found.items()
        if name in (CUT, TOKENS, UNKNOWN_TOKENS) or name.startswith(_LENGTHS)
    }


def read(counts: Mapping[str, int], split: str, *, seq_len: int) -> Lengths | None:
    """Reads the lengths of a split from the counters of a manifest; None if they are not there."""
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
