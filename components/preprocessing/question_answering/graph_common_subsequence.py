"""Longest common subsequence inside a TensorFlow graph, as `common_subsequence.py` in Python.

It is the same algorithm with the same rule for ties, so that a served model places answers where
its training data had them. A row of the table is one tensor, int32 [1 + diagonals]: its lowest
diagonal, and then the furthest x on every second diagonal from there.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from components.preprocessing.question_answering import common_subsequence
from components.preprocessing.question_answering.common_subsequence import (
    END_OF_A,
    END_OF_B,
    NO_SYMBOL,
    UNREACHED,
)

# The number of symbols that are compared when a diagonal is extended: first a few, because most
# diagonals end there, and then more each time, up to the maximum.
_FIRST_CHUNK, _CHUNK_GROWTH, _MAX_CHUNK = 2, 8, 128


class GraphMatch(NamedTuple):
    """A longest common subsequence, if one was found.

    Attributes:
        found: bool [], False if it is too short, or if the sequences differ in too many places.
        is_too_different: bool [], whether they differ in too many places, where the Python twin
            raises `TooDifferentError`.
        length: int32 [], number of matched symbols.
        a_of_b: int32 [M], the index into `a` that each symbol of `b` is matched with, or -1.
    """

    found: tf.Tensor
    is_too_different: tf.Tensor
    length: tf.Tensor
    a_of_b: tf.Tensor


def match(
    a: tf.Tensor, b: tf.Tensor, *, min_length: tf.Tensor, max_distance: tf.Tensor | None
) -> GraphMatch:
    """Finds the longest common subsequence of `a` and `b`, like `common_subsequence.match`.

    Args:
        a: int32 [N], symbols ≥ 0, or `common_subsequence.NO_SYMBOL`.
        b: int32 [M], symbols ≥ 0.
        min_length: int32 [], number of symbols that must be matched.
        max_distance: int32 [], width of the band; None for no limit.
    """
    n, m = tf.size(a), tf.size(b)
    low, high = -m, n
    if max_distance is not None:
        low, high = tf.maximum(low, 1 - max_distance), tf.minimum(high, max_distance)
    goal = n - m
    padded_a = tf.concat([a, [END_OF_A]], 0)
    padded_b = tf.concat([b, [END_OF_B]], 0)
    max_unmatched = n + m - 2 * min_length

    def extend(x: tf.Tensor, diagonals: tf.Tensor) -> tf.Tensor:
        """Moves each x along its diagonal as far as the symbols are equal."""

        def move(x: tf.Tensor, active: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, ...]:
            chunk = tf.range(size)
            start = tf.gather(x, active)
            in_a = tf.minimum(start[:, None] + chunk, n)
            in_b = start[:, None] - tf.gather(diagonals, active)[:, None] + chunk
            is_equal = tf.gather(padded_a, in_a) == tf.gather(padded_b, tf.minimum(in_b, m))
            run = tf.reduce_min(tf.where(is_equal, size, chunk), axis=1)
            x = tf.tensor_scatter_nd_add(x, active[:, None], run)
            larger = tf.minimum(size * _CHUNK_GROWTH, _MAX_CHUNK)
            return x, tf.boolean_mask(active, run == size), larger

        active = tf.cast(tf.where(x >= 0)[:, 0], tf.int32)
        return tf.while_loop(
            lambda x, active, size: tf.size(active) > 0,
            move,
            [x, active, _FIRST_CHUNK],
            shape_invariants=[tf.TensorShape([None]), tf.TensorShape([None]), tf.TensorShape([])],
            parallel_iterations=1,
        )[0]

    def add_row(unmatched, _, points, previous, rows):
        # Only diagonals with the parity of d can be reached, and only those in [-d, d]. Diagonals
        # from which the goal is out of reach are left out as well.
        left = max_unmatched - unmatched
        lowest = tf.maximum(tf.maximum(low, -unmatched), goal - left)
        highest = tf.minimum(tf.minimum(high, unmatched), goal + left)
        lowest += tf.math.floormod(lowest - unmatched, 2)
        diagonals = tf.range(lowest, tf.maximum(highest + 1, lowest), 2)
        size = tf.size(diagonals)
        # The furthest start is reached from the diagonal below by dropping a symbol of `a`, or from
        # that above by dropping one of `b`. Together they are lowest - 1, lowest + 1, …; as both
        # ends of a row are one diagonal away from those of the previous row, one more at each end
        # of that is enough.
        edge = tf.constant([UNREACHED], tf.int32)
        first = (lowest - 1 - previous[0]) // 2 + 1
        neighbours = tf.concat([edge, previous[1:], edge], 0)[first : first + size + 1]
        start = tf.maximum(neighbours[:-1] + 1, neighbours[1:])
        start = tf.minimum(start, tf.minimum(n, m + diagonals))
        row = tf.concat([[lowest], extend(start, diagonals)], 0)
        done = (size == 0) | (_at(row, goal) >= n)
        return unmatched + 1, done, points + size, row, rows.write(unmatched, row)

    def goes_on(unmatched, done, points, previous, rows):
        del previous, rows
        allowed = points <= common_subsequence.MAX_POINTS
        return ~done & (unmatched <= max_unmatched) & allowed

    # The row before the first one is chosen so that the first one begins at the origin: diagonal 1
    # stands at 0, from which dropping a symbol of `b` leads there.
    before = tf.constant([1, 0])
    rows = tf.TensorArray(tf.int32, 0, dynamic_size=True, clear_after_read=False, infer_shape=False)
    num_rows, _, points, last, rows = tf.while_loop(
        goes_on,
        add_row,
        [0, (low > goal) | (goal > high), 0, before, rows],
        shape_invariants=[
            tf.TensorShape([]),
            tf.TensorShape([]),
            tf.TensorShape([]),
            tf.TensorShape([None]),
            tf.TensorShape(None),
        ],
        parallel_iterations=1,
    )
    found = (num_rows > 0) & (_at(last, goal) >= n)
    a_of_b = tf.cond(
        found,
        lambda: _walk_back(rows, num_rows - 1, n, m),
        lambda: tf.fill([m], -1),
    )
    return GraphMatch(
        found,
        ~found & (points > common_subsequence.MAX_POINTS),
        tf.math.count_nonzero(a_of_b >= 0, dtype=tf.int32),
        a_of_b,
    )


def num_common(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Counts the common symbols regardless of their order; no common subsequence is longer.

    Args:
        a: int32 [N], symbols ≥ 0, or `common_subsequence.NO_SYMBOL`.
        b: int32 [M], symbols ≥ 0.

    Returns:
        int32 [].
    """
    a = tf.boolean_mask(a, a != NO_SYMBOL)
    symbols, index = tf.unique(tf.concat([a, b], 0))
    n, size = tf.size(a), tf.size(symbols)
    in_a = tf.math.unsorted_segment_sum(tf.ones_like(a), index[:n], size)
    in_b = tf.math.unsorted_segment_sum(tf.ones_like(b), index[n:], size)
    return tf.reduce_sum(tf.minimum(in_a, in_b))


def _at(row: tf.Tensor, diagonal: tf.Tensor) -> tf.Tensor:
    """Looks up the furthest x on a diagonal, which may lie outside of the row; int32 []."""
    shift = diagonal - row[0]
    index = shift // 2
    is_inside = (shift >= 0) & (shift % 2 == 0) & (index < tf.size(row) - 1)
    return tf.where(is_inside, row[tf.where(is_inside, index + 1, 0)], UNREACHED)


def _walk_back(rows: tf.TensorArray, unmatched: tf.Tensor, n: tf.Tensor, m: tf.Tensor) -> tf.Tensor:
    """Walks back through the table as in `common_subsequence`; returns `GraphMatch.a_of_b`.

    Each turn yields a run of consecutive matches.
    """

    def turn_back(unmatched, x, y, count, runs):
        row = tf.ensure_shape(rows.read(tf.maximum(unmatched - 1, 0)), [None])
        below, above = _at(row, x - y - 1) + 1, _at(row, x - y + 1)
        turn = tf.maximum(0, tf.minimum(x, tf.maximum(below, above)))
        turn = tf.where(unmatched == 0, 0, turn)
        # No symbol can be dropped between here and the turn, so everything there is matched.
        length = x - turn
        runs = runs.write(count, tf.stack([y - length, turn, length]))
        x, y = turn, y - length
        drops_a = below >= x
        x, y = tf.where(drops_a, x - 1, x), tf.where(drops_a, y, y - 1)
        return unmatched - 1, x, y, count + 1, runs

    runs = tf.TensorArray(tf.int32, 0, dynamic_size=True, element_shape=[3])
    *_, count, runs = tf.while_loop(
        lambda unmatched, x, y, count, runs: (x > 0) & (y > 0) & (unmatched >= 0),
        turn_back,
        [unmatched, n, m, 0, runs],
        parallel_iterations=1,
    )
    runs = tf.reshape(runs.stack(), [count, 3])
    in_b = tf.ragged.range(runs[:, 0], runs[:, 0] + runs[:, 2]).flat_values
    in_a = tf.ragged.range(runs[:, 1], runs[:, 1] + runs[:, 2]).flat_values
    return tf.tensor_scatter_nd_update(tf.fill([m], -1), in_b[:, None], in_a)
