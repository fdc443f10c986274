"""Longest common subsequence of two nearly equal sequences, with ties broken as published.

The published alignment fills a matrix `f(i, j)` with the length of the longest common subsequence
of two prefixes, inside a band of diagonals. Then it walks back from the last cell: it drops the
last symbol of `a` if that does not shorten the subsequence, otherwise that of `b` under the same
condition, and otherwise matches the two. This selects one alignment among the many that are
longest, and the training data depends on which one it is.

The same alignment can be found without the matrix. Let `e(x, y) = x + y - 2 f` be the number of
symbols that remain unmatched in prefixes of x and y symbols. `e` never decreases along a diagonal,
so it is completely described by the furthest cell with `e ≤ d` on each diagonal, for d = 0, 1, …
(E. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986, §3–4). All three decisions of
the walk back are comparisons with this table. The band does not change this, because `e` is just as
monotone inside a band. The work is O((N + M) + D²) for D unmatched symbols, while the matrix takes
O((N + M) · band).
"""

from __future__ import annotations

import dataclasses

import numpy as np

# A symbol that equals nothing, not even itself; for characters that have no counterpart.
NO_SYMBOL = -1
# Padding beyond the ends: two values that equal neither each other nor any symbol.
END_OF_A, END_OF_B = -2, -3
UNREACHED = np.int32(-(2**30))
# Maximum number of furthest points in the table. They take 4 bytes each, so 80 MB. Only long texts
# that differ in thousands of places reach it.
MAX_POINTS = 20_000_000
# As long as more than this many diagonals can be extended they are processed together, and then one
# by one.
_FEW_DIAGONALS = 3
_CHUNK = 256


class TooDifferentError(ValueError):
    """The sequences differ in so many places that the alignment would take too much memory."""


@dataclasses.dataclass(frozen=True)
class Match:
    """A longest common subsequence.

    Attributes:
        length: number of matched symbols.
        a_of_b: int32[len(b)], the index into `a` that each symbol of `b` is matched with, or -1.
    """

    length: int
    a_of_b: np.ndarray


def match(
    a: np.ndarray, b: np.ndarray, *, min_length: int = 0, max_distance: int | None = None
) -> Match | None:
    """Finds the longest common subsequence of `a` and `b`, with ties broken as described above.

    Args:
        a: int32[N], symbols ≥ 0, or NO_SYMBOL.
        b: int32[M], symbols ≥ 0.
        min_length: the number of symbols that must be matched.
        max_distance: width w of the band: `a[i]` may only match `b[j]` if i - w ≤ j < i + w. None
            for no limit.

    Returns:
        The match; None if fewer than `min_length` symbols can be matched.

    Raises:
        TooDifferentError: if the table exceeds `MAX_POINTS` before the ends are reached.
    """
    table = _furthest_points(a, b, min_length=min_length, max_distance=max_distance)
    if table is None:
        return None
    return _walk_back(table, len(a), len(b))


@dataclasses.dataclass(frozen=True)
class _Row:
    """The furthest x for one d, on the diagonals lowest, lowest + 2, and so on."""

    lowest: int
    furthest: np.ndarray

    def at(self, diagonal: int) -> int:
        index, odd = divmod(diagonal - self.lowest, 2)
        if odd or not 0 <= index < len(self.furthest):
            return int(UNREACHED)
        return int(self.furthest[index])


def _furthest_points(
    a: np.ndarray, b: np.ndarray, *, min_length: int, max_distance: int | None
) -> list[_Row] | None:
    n, m = len(a), len(b)
    low, high = -m, n
    if max_distance is not None:
        low, high = max(low, 1 - max_distance), min(high, max_distance)
    goal = n - m
    if not low <= goal <= high:
        return None
    padded_a = np.append(a, np.int32(END_OF_A))
    padded_b = np.append(b, np.int32(END_OF_B))
    max_unmatched = n + m - 2 * min_length
    rows: list[_Row] = []
    points = 0
    for unmatched in range(max_unmatched + 1):
        # Only diagonals with the parity of d can be reached, and only those in [-d, d]. Diagonals
        # from which the goal is out of reach are left out as well.
        left = max_unmatched - unmatched
        lowest, highest = max(low, -unmatched, goal - left), min(high, unmatched, goal + left)
        lowest += (lowest - unmatched) % 2
        diagonals = np.arange(lowest, highest + 1, 2, dtype=np.int32)
        if not len(diagonals):
            return None
        if rows:
            start = _step(rows[-1], lowest, len(diagonals))
            np.minimum(start, np.minimum(n, m + diagonals), out=start)
        else:
            start = np.zeros(1, np.int32)
        _extend(start, diagonals, padded_a, padded_b)
        row = _Row(lowest, start)
        rows.append(row)
        if row.at(goal) >= n:
            return rows
        points += len(diagonals)
        if points > MAX_POINTS:
            raise TooDifferentError(
                f"Sequences of {n:,} and {m:,} symbols differ in more than {unmatched:,} places."
            )
    return None


def _step(previous: _Row, lowest: int, size: int) -> np.ndarray:
    """Returns the furthest start on each diagonal after dropping one more symbol.

    It is reached from the diagonal below by dropping a symbol of `a`, or from that above by
    dropping one of `b`.
    """
    # The neighbours of the diagonals lowest, lowest + 2, … are lowest - 1, lowest + 1, …
    neighbours = np.full(size + 1, UNREACHED, np.int32)
    shift = (lowest - 1 - previous.lowest) // 2
    begin, end = max(0, -shift), min(size + 1, len(previous.furthest) - shift)
    if begin < end:
        neighbours[begin:end] = previous.furthest[begin + shift : end + shift]
    return np.maximum(neighbours[:-1] + 1, neighbours[1:])


def _extend(x: np.ndarray, diagonals: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """Moves each x along its diagonal as far as the symbols are equal, in place."""
    active = np.flatnonzero(x >= 0)
    active = active[a[x[active]] == b[x[active] - diagonals[active]]]
    while len(active) > _FEW_DIAGONALS:
        x[active] += 1
        active = active[a[x[active]] == b[x[active] - diagonals[active]]]
    for index in active:
        x[index] += _common_prefix(a, b, int(x[index]), int(x[index] - diagonals[index]))


def _common_prefix(a: np.ndarray, b: np.ndarray, i: int, j: int) -> int:
    """Counts how many symbols from a[i] and b[j] on are equal; the padding always differs."""
    total, size = 0, _CHUNK
    while True:
        part_a = a[i + total : i + total + size]
        part_b = b[j + total : j + total + len(part_a)]
        different = part_a[: len(part_b)] != part_b
        first = int(different.argmax())
        if different[first]:
            return total + first
        total += len(different)
        size *= 2


def _walk_back(rows: list[_Row], n: int, m: int) -> Match:
    a_of_b = np.full(m, -1, np.int32)
    x, y = n, m
    unmatched = len(rows) - 1
    while x > 0 and y > 0:
        if unmatched == 0:
            turn = 0
        else:
            below = rows[unmatched - 1].at(x - y - 1) + 1
            above = rows[unmatched - 1].at(x - y + 1)
            turn = max(0, min(x, max(below, above)))
        if turn < x:
            # No symbol can be dropped between here and the turn, so everything there is matched.
            a_of_b[y - (x - turn) : y] = np.arange(turn, x, dtype=np.int32)
            y -= x - turn
            x = turn
        if unmatched == 0:
            break
        if below >= x:
            x -= 1
        else:
            y -= 1
        unmatched -= 1
    return Match(int(np.count_nonzero(a_of_b >= 0)), a_of_b)
