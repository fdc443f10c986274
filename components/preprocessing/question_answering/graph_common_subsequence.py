"""Longest common subsequence inside a TensorFlow graph, as `common_subsequence.py` in Python.

It is the same algorithm with the same rule for ties, so that a served model places answers where
its training data had them. Here, each row of the table has an entry for every diagonal of the band,
even if it has not been reached.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from components.preprocessing.question_answering import common_subsequence
from components.preprocessing.question_answering.common_subsequence import (
    END_OF_A,
    END_OF_B,
    UNREACHED,
)

# The number of symbols that are compared at a time when a diagonal is extended.
_CHUNK = 128


class GraphMatch(NamedTuple):
    """A longest common subsequence, if one was found.

    Attributes:
        found: bool [], False if it is too short, or if the sequences differ in too many places.
        length: int32 [], number of matched symbols.
        a_of_b: int32 [M], the index into `a` that each symbol of `b` is matched with, or -1.
    """

    found: tf.Tensor
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
    diagonals = tf.range(low, high + 1)
    padded_a = tf.concat([a, [END_OF_A]], 0)
    padded_b = tf.concat([b, [END_OF_B]], 0)
    max_unmatched = n + m - 2 * min_length

    def extend(x: tf.Tensor, is_active: tf.Tensor) -> tf.Tensor:
        """Moves each x along its diagonal as far as the symbols are equal."""
        chunk = tf.range(_CHUNK)

        def move(x: tf.Tensor, active: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            start = tf.gather(x, active)
            in_a = tf.minimum(start[:, None] + chunk, n)
            in_b = start[:, None] - tf.gather(diagonals, active)[:, None] + chunk
            is_equal = tf.gather(padded_a, in_a) == tf.gather(padded_b, tf.minimum(in_b, m))
            run = tf.reduce_min(tf.where(is_equal, _CHUNK, chunk), axis=1)
            x = tf.tensor_scatter_nd_add(x, active[:, None], run)
            return x, tf.boolean_mask(active, run == _CHUNK)

        active = tf.cast(tf.where(is_active)[:, 0], tf.int32)
        return tf.while_loop(
            lambda x, active: tf.size(active) > 0,
            move,
            [x, active],
            shape_invariants=[tf.TensorShape([None]), tf.TensorShape([None])],
            parallel_iterations=1,
        )[0]

    def add_row(unmatched, _, points, previous, rows):
        # Only diagonals with the parity of d can be reached, and only those in [-d, d]. Diagonals
        # from which the goal is out of reach are left out as well.
        left = max_unmatched - unmatched
        lowest = tf.maximum(tf.maximum(low, -unmatched), goal - left)
        highest = tf.minimum(tf.minimum(high, unmatched), goal + left)
        in_row = (diagonals >= lowest) & (diagonals <= highest)
        in_row &= tf.math.floormod(diagonals - unmatched, 2) == 0
        edge = tf.constant([UNREACHED], tf.int32)
        below = tf.concat([edge, previous[:-1]], 0) + 1
        above = tf.concat([previous[1:], edge], 0)
        start = tf.minimum(tf.maximum(below, above), tf.minimum(n, m + diagonals))
        start = tf.where(in_row, start, UNREACHED)
        row = extend(start, start >= 0)
        size = tf.math.count_nonzero(in_row, dtype=tf.int32)
        done = (size == 0) | (row[goal - low] >= n)
        return unmatched + 1, done, points + size, row, rows.write(unmatched, row)

    def goes_on(unmatched, done, points, previous, rows):
        del previous, rows
        allowed = points <= common_subsequence.MAX_POINTS
        return ~done & (unmatched <= max_unmatched) & allowed

    # The row before the first one is chosen so that the first one begins at the origin: diagonal 1
    # stands at 0, from which dropping a symbol of `b` leads there.
    before = tf.where(diagonals == 1, 0, tf.fill(tf.shape(diagonals), UNREACHED))
    rows = tf.TensorArray(tf.int32, 0, dynamic_size=True, clear_after_read=False, infer_shape=False)
    num_rows, _, _, last, rows = tf.while_loop(
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
    found = (num_rows > 0) & (last[goal - low] >= n)
    a_of_b = tf.cond(
        found,
        lambda: _walk_back(rows, num_rows - 1, n, m, low, high),
        lambda: tf.fill([m], -1),
    )
    return GraphMatch(found, tf.math.count_nonzero(a_of_b >= 0, dtype=tf.int32), a_of_b)


def _walk_back(
    rows: tf.TensorArray,
    unmatched: tf.Tensor,
    n: tf.Tensor,
    m: tf.Tensor,
    low: tf.Tensor,
    high: tf.Tensor,
) -> tf.Tensor:
    """Walks back through the table as in `common_subsequence`; returns `GraphMatch.a_of_b`.

    Each turn yields a run of consecutive matches.
    """

    def at(row: tf.Tensor, diagonal: tf.Tensor) -> tf.Tensor:
        inside = (diagonal >= low) & (diagonal <= high)
        value = row[tf.clip_by_value(diagonal, low, high) - low]
        return tf.where(inside, value, UNREACHED)

    def turn_back(unmatched, x, y, count, runs):
        row = tf.ensure_shape(rows.read(tf.maximum(unmatched - 1, 0)), [None])
        below, above = at(row, x - y - 1) + 1, at(row, x - y + 1)
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
