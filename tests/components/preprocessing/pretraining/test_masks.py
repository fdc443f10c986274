import collections
import random

import numpy as np
import pytest

from components import seeds
from components.preprocessing.pretraining import masks

LENGTH = 64
STRATEGIES = ["token_span", "word_span", "whole_word", "single_token"]


def make_segments(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Random word starts, with <sep> and <cls> where a new part has them."""
    draws = np.random.default_rng(0)
    starts = draws.random((number, LENGTH)) < 0.65
    functional = np.zeros_like(starts)
    functional[np.arange(number), draws.integers(10, 50, number)] = True
    functional[:, -2:] = True
    return starts | functional, functional


def sample(strategy, starts, functional, goal, *, alpha=6, beta=1, max_gram=5, seed=1):
    return masks.sample_masks(
        starts,
        functional,
        parameters=masks.MaskParameters(strategy, alpha, beta, max_gram),
        goal=goal,
        generator=seeds.generator(seed, "masks"),
    )


def sample_slowly(draws: random.Random, starts: np.ndarray, goal: int | None, *, by_word: bool):
    """The published samplers for one segment, with alpha 6, beta 1 and spans up to 5."""
    length = len(starts)
    mask, masked, position = [False] * length, 0, 0
    while position < length and (goal is None or masked < goal):
        n = draws.choices(range(1, 6), weights=[1 / k for k in range(1, 6)])[0]
        if goal is not None:
            n = min(n, goal - masked)
        context = n * 6
        left = draws.randrange(context)
        begin = position + left
        while begin < length and not starts[begin]:
            begin += 1
        if begin >= length:
            break
        end = begin + 1
        if by_word:
            words = 1
            while end < length and (goal is None or masked + end - begin < goal):
                if starts[end]:
                    words += 1
                    if words > n:
                        break
                end += 1
        else:
            end = begin + n
            if end >= length:
                break
        mask[begin:end] = [True] * (end - begin)
        masked += end - begin
        position = end + context - left
    while goal is not None and masked < goal:
        place = draws.randrange(length)
        masked += not mask[place]
        mask[place] = True
    return np.array(mask)


def histograms(sampled: np.ndarray) -> dict[str, collections.Counter]:
    spans, places = collections.Counter(), collections.Counter()
    for mask in sampled:
        edges = np.diff(np.concatenate([[0], mask.astype(int), [0]]))
        spans.update((np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)).tolist())
        places.update((np.flatnonzero(mask) // 8).tolist())
    return {
        "spans": spans,
        "places": places,
        "masked": collections.Counter(sampled.sum(axis=1).tolist()),
    }


def total_variation(first: collections.Counter, second: collections.Counter) -> float:
    names = set(first) | set(second)
    return 0.5 * sum(
        abs(first[name] / first.total() - second[name] / second.total()) for name in names
    )


@pytest.mark.parametrize("goal", [11, None])
@pytest.mark.parametrize("strategy", ["token_span", "word_span"])
def test_spans_are_distributed_as_one_segment_at_a_time(strategy, goal):
    starts, functional = make_segments(12_000)
    draws = random.Random(3)
    slow = np.array(
        [sample_slowly(draws, row, goal, by_word=strategy == "word_span") for row in starts]
    )

    # Many more, so that only the slow sample's noise remains (about 0.013 in the widest histogram).
    fast = sample(strategy, np.tile(starts, (10, 1)), np.tile(functional, (10, 1)), goal)

    expected, actual = histograms(slow), histograms(fast)
    for name, histogram in expected.items():
        assert total_variation(histogram, actual[name]) < 0.02, name


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("goal", [1, 11, 40, LENGTH - 3])
def test_every_segment_has_as_many_masked_tokens_as_asked_for(strategy, goal):
    starts, functional = make_segments(300)

    mask = sample(strategy, starts, functional, goal)

    assert mask.dtype == bool
    assert (mask.sum(axis=1) == goal).all()


def test_free_token_spans_begin_at_a_word_and_have_at_most_max_gram_pieces():
    starts, functional = make_segments(500)

    mask = sample("token_span", starts, functional, None, max_gram=3)

    begins = mask & ~np.pad(mask, ((0, 0), (1, 0)))[:, :-1]
    assert starts[begins].all()
    assert set(histograms(mask)["spans"]) <= {1, 2, 3}
    # A span that would reach the end is not taken, so the last token is never masked.
    assert not mask[:, -1].any()


@pytest.mark.parametrize("strategy", ["word_span", "whole_word"])
def test_free_word_spans_begin_and_end_at_words(strategy):
    starts, functional = make_segments(500)

    mask = sample(strategy, starts, functional, None)

    before = np.pad(mask, ((0, 0), (1, 0)))[:, :-1]
    begins, ends = mask & ~before, ~mask & before
    assert mask.any()
    assert starts[begins].all()
    assert starts[ends].all()


@pytest.mark.parametrize("goal", [9, None])
def test_whole_words_are_whole_also_with_a_goal(goal):
    starts, functional = make_segments(400)

    mask = sample("whole_word", starts, functional, goal)

    word = np.cumsum(starts, axis=1)
    broken = 0
    for row_mask, row_word in zip(mask, word, strict=True):
        of_word = collections.defaultdict(list)
        for masked, number in zip(row_mask, row_word, strict=True):
            of_word[number].append(bool(masked))
        broken += any(len(set(pieces)) > 1 for pieces in of_word.values())
    assert broken == 0
    # Pieces before the first word of a segment belong to one that is not there as a whole.
    assert not mask[word == 0].any()


@pytest.mark.parametrize("strategy", ["whole_word", "single_token"])
@pytest.mark.parametrize("goal", [LENGTH - 3, None])
def test_functional_tokens_are_passed_over(strategy, goal):
    starts, functional = make_segments(300)

    assert not (sample(strategy, starts, functional, goal) & functional).any()


def test_single_tokens_are_uniform_over_what_may_be_masked():
    starts, functional = make_segments(1)
    starts, functional = np.repeat(starts, 20_000, 0), np.repeat(functional, 20_000, 0)

    frequency = sample("single_token", starts, functional, 11).mean(axis=0)[~functional[0]]

    # Standard deviation of a frequency: sqrt(0.18 * 0.82 / 20000) = 0.0027.
    np.testing.assert_allclose(frequency, 11 / (LENGTH - 3), atol=5 * 0.0027)


def test_a_segment_without_words_is_filled_with_single_tokens():
    nothing = np.zeros((3, LENGTH), bool)

    for strategy in STRATEGIES:
        assert (sample(strategy, nothing, nothing, 7).sum(axis=1) == 7).all()
    assert not sample("word_span", nothing, nothing, None).any()
