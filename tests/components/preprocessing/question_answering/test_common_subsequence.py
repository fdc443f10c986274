import random

import numpy as np
import pytest

from components.preprocessing.question_answering import common_subsequence
from components.preprocessing.question_answering.common_subsequence import NO_SYMBOL, match
from tests.components.preprocessing.question_answering import reference_alignment


def _variation(rng, a, alphabet):
    """A copy of `a` with deletions, insertions, and now and then its halves swapped."""
    b = [symbol for symbol in a if rng.random() > 0.15 and symbol >= 0]
    for _ in range(rng.randint(0, 4)):
        b.insert(rng.randint(0, len(b)), rng.randint(0, alphabet))
    if rng.random() < 0.3:
        b = b[len(b) // 3 :] + b[: len(b) // 3]
    return b or [0]


@pytest.mark.parametrize("alphabet", [1, 2, 3, 5])
def test_length_and_ties_equal_the_full_matrix(alphabet):
    rng = random.Random(alphabet)
    for _ in range(600):
        a = [
            NO_SYMBOL if rng.random() < 0.05 else rng.randint(0, alphabet)
            for _ in range(rng.randint(1, 25))
        ]
        b = (
            _variation(rng, a, alphabet)
            if rng.random() < 0.6
            else [rng.randint(0, alphabet) for _ in range(rng.randint(1, 25))]
        )
        # Narrow bands cut through the best alignment, wide ones do not.
        width = abs(len(a) - len(b)) + rng.choice([1, 2, 3, 5, 10, 50])
        expected = reference_alignment.match([None if s < 0 else s for s in a], b, width)
        found = match(np.array(a, np.int32), np.array(b, np.int32), max_distance=width)
        assert (found.length, found.a_of_b.tolist()) == expected, (a, b, width)
        enough = match(
            np.array(a, np.int32),
            np.array(b, np.int32),
            max_distance=width,
            min_length=found.length,
        )
        assert enough.a_of_b.tolist() == found.a_of_b.tolist()
        too_much = match(
            np.array(a, np.int32),
            np.array(b, np.int32),
            max_distance=width,
            min_length=found.length + 1,
        )
        assert too_much is None


def test_longer_texts_with_long_equal_parts_equal_the_full_matrix():
    rng = random.Random(11)
    for _ in range(6):
        a = [rng.randint(0, 25) for _ in range(900)]
        b = list(a)
        for _ in range(12):
            del b[rng.randrange(len(b))]
            b.insert(rng.randrange(len(b)), rng.randint(0, 25))
        width = abs(len(a) - len(b)) + 5
        expected = reference_alignment.match(a, b, width)
        found = match(np.array(a, np.int32), np.array(b, np.int32), max_distance=width)
        assert (found.length, found.a_of_b.tolist()) == expected


def test_no_band_and_a_band_without_effect_agree():
    rng = np.random.default_rng(5)
    a = rng.integers(0, 4, 200).astype(np.int32)
    b = rng.integers(0, 4, 180).astype(np.int32)
    np.testing.assert_array_equal(match(a, b).a_of_b, match(a, b, max_distance=1000).a_of_b)


def test_a_long_text_with_many_differences_is_matched():
    rng = np.random.default_rng(1)
    a = rng.integers(0, 40, 100_000).astype(np.int32)
    b = np.delete(a, rng.choice(len(a), 1000, replace=False))
    found = match(a, b)
    assert found.length == len(b)
    np.testing.assert_array_equal(a[found.a_of_b], b)


def test_too_many_differences_are_refused(monkeypatch):
    monkeypatch.setattr(common_subsequence, "MAX_POINTS", 1000)
    a = np.zeros(500, np.int32)
    with pytest.raises(common_subsequence.TooDifferentError, match="500 and 500 symbols"):
        match(a, a + 1)
