"""Longest common subsequence of two nearly equal sequences, with the published way to break ties.

The published alignment fills a matrix `f(i, j)` of the length of the longest common subsequence
of two prefixes, in a band of diagonals, and walks back from its last cell: drop the last symbol of
`a` if the length allows it, else that of `b`, else match the two. This gives one certain alignment
out of the many that are longest, and training data depends on which one.

The matrix is not needed for that. With `e(x, y) = x + y - 2 f` (the number of symbols left
unmatched in prefixes of x and y symbols), `e` never falls along a diagonal, so the furthest cell of
each diagonal that has `e ≤ d`, for d = 0, 1, …, says everything about it (E. Myers, "An O(ND)
Difference Algorithm and Its Variations", 1986, §3–4). All three questions of the walk back are
comparisons with that table. A band of diagonals changes nothing in this: inside a band `e` is as
monotone as without one. The work is O((N + M) + D²) for D unmatched symbols, where the matrix takes
O((N + M) · band).
"""

from __future__ import annotations

import dataclasses

import numpy as np

# A symbol that equals nothing, itself not excepted: for what has no counterpart.
NO_SYMBOL = -1
# Beyond the ends; two values that equal neither each other nor any symbol.
_END_OF_A, _END_OF_B = -2, -3
_UNREACHED = np.int32(-(2**30))
# Furthest points kept at a time, 4 bytes each: 80 MB. Reached only by long texts that differ in
# thousands of places.
MAX_POINTS = 20_000_000
# With this many diagonals still extending, they are extended together, below it one by one.
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
    """Longest common subsequence of `a` and `b`, ties broken as described above.

    Args:
        a: int32[N], symbols ≥ 0, or NO_SYMBOL.
        b: int32[M], symbols ≥ 0.
        min_length: if fewer symbols than this can be matched, the result is None.
        max_distance: None, or w for the band: `a[i]` may match `b[j]` only if i - w ≤ j < i + w.

    Returns:
        The match, or None.

    Raises:
        TooDifferentError: if the table outgrows its limit before the ends are reached.
    """
    table = _furthest_points(a, b, min_length=min_length, max_distance=max_distance)
    if table is None:
        return None
    return _walk_back(table, len(a), len(b))


@dataclasses.dataclass(frozen=True)
class _Row:
    """Furthest x for one d, on the diagonals lowest, lowest + 2 and so on."""

    lowest: int
    furthest: np.ndarray

    def at(self, diagonal: int) -> int:
        index, odd = divmod(diagonal - self.lowest, 2)
        if odd or not 0 <= index < len(self.furthest):
            return int(_UNREACHED)
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
    padded_a = np.append(a, np.int32(_END_OF_A))
    padded_b = np.append(b, np.int32(_END_OF_B))
    max_unmatched = n + m - 2 * min_length
    rows: list[_Row] = []
    points = 0
    for unmatched in range(max_unmatched + 1):
        # The parity of a diagonal is that of d; outside [-d, d] nothing is reached yet, and
        # diagonals from which the goal cannot be reached any more need no looking at.
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
    """Best start on each diagonal: one more symbol of `a` from below, or of `b` from above."""
    # The neighbours of diagonals lowest, lowest + 2, … are lowest - 1, lowest + 1, …
    neighbours = np.full(size + 1, _UNREACHED, np.int32)
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
    """Number of equal symbols from a[i] and b[j] on; the padding ends it at the latest."""
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
            # Neither symbol can be dropped before the turn: everything down to it is matched.
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
