"""The in-graph twin against the Python one, which is tested against the full matrix."""

import collections
import random

import numpy as np
import pytest
import tensorflow as tf

from components.preprocessing.question_answering import (
    common_subsequence,
    graph_common_subsequence,
)
from components.preprocessing.question_answering.common_subsequence import NO_SYMBOL

_SYMBOLS = tf.TensorSpec([None], tf.int32)
_NUMBER = tf.TensorSpec([], tf.int32)


@tf.function(autograph=False, input_signature=[_SYMBOLS, _SYMBOLS, _NUMBER, _NUMBER])
def match_in_band(a, b, min_length, max_distance):
    return graph_common_subsequence.match(a, b, min_length=min_length, max_distance=max_distance)


@tf.function(autograph=False, input_signature=[_SYMBOLS, _SYMBOLS])
def match_anywhere(a, b):
    return graph_common_subsequence.match(a, b, min_length=tf.constant(0), max_distance=None)


def _assert_equal(found, expected, case):
    assert bool(found.found) == (expected is not None), case
    if expected is not None:
        assert int(found.length) == expected.length, case
        assert found.a_of_b.numpy().tolist() == expected.a_of_b.tolist(), case


@pytest.mark.parametrize("alphabet", [1, 3])
def test_same_matches_as_in_python(alphabet):
    rng = random.Random(alphabet)
    for _ in range(150):
        a = [
            NO_SYMBOL if rng.random() < 0.05 else rng.randint(0, alphabet)
            for _ in range(rng.randint(1, 25))
        ]
        b = [symbol for symbol in a if rng.random() > 0.2 and symbol >= 0] or [0]
        b.insert(rng.randint(0, len(b)), rng.randint(0, alphabet))
        a, b = np.array(a, np.int32), np.array(b, np.int32)
        width = abs(len(a) - len(b)) + rng.choice([1, 3, 10])
        least = rng.choice([0, len(a) // 2, len(a)])
        _assert_equal(
            match_in_band(a, b, least, width),
            common_subsequence.match(a, b, min_length=least, max_distance=width),
            (a, b, width, least),
        )
        _assert_equal(match_anywhere(a, b), common_subsequence.match(a, b), (a, b))


def test_common_symbols_are_counted_regardless_of_their_order():
    rng = np.random.default_rng(2)
    for size in (0, 1, 7, 40):
        a = rng.integers(NO_SYMBOL, 12, size).astype(np.int32)
        b = rng.integers(0, 15, rng.integers(0, 40)).astype(np.int32)
        in_both = collections.Counter(a.tolist()) & collections.Counter(b.tolist())
        assert int(graph_common_subsequence.num_common(a, b)) == sum(in_both.values())


def test_what_is_too_short_is_not_too_different():
    a = tf.range(100)
    found = graph_common_subsequence.match(a, a + 50, min_length=tf.constant(60), max_distance=None)
    assert not bool(found.found)
    assert not bool(found.is_too_different)


def test_runs_longer_than_a_chunk():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 4, 2000).astype(np.int32)
    b = np.delete(a, [3, 700, 701, 1999]).astype(np.int32)
    _assert_equal(match_in_band(a, b, 1600, 9), common_subsequence.match(a, b), "deleted")


def test_too_different_is_not_found(monkeypatch):
    monkeypatch.setattr(common_subsequence, "MAX_POINTS", 1000)
    a = np.arange(100, dtype=np.int32)
    found = graph_common_subsequence.match(
        tf.constant(a), tf.constant(a + 200), min_length=tf.constant(0), max_distance=None
    )
    assert not bool(found.found)
    assert bool(found.is_too_different)
    with pytest.raises(common_subsequence.TooDifferentError):
        common_subsequence.match(a, a + 200)
