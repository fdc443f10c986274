"""Chooses the tokens that are masked for prediction, for many segments at once.

The published sampler walks along a segment. It draws a span length n (with probability proportional
to 1/n), lays a context of about n * alpha / beta tokens around the span, masks the span, and
continues behind the context (paper §2.3 and appendix A.3, "span-based prediction"). Here, all
segments take each step together. Because segments are independent of each other, the distribution
is the same.

Segments are given in reading order: the caller reverses backward segments, and then their masks.
"""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class MaskParameters:
    """The parameters of sampling; `PretrainingDataConfig` explains each of them."""

    strategy: str
    alpha: int
    beta: int
    max_gram: int


def sample_masks(
    starts: np.ndarray,
    functional: np.ndarray,
    *,
    parameters: MaskParameters,
    goal: int | None,
    generator: np.random.Generator,
) -> np.ndarray:
    """Draws the masks of segments.

    Args:
        starts: bool [num_segments, segment_len], whether each piece may begin a word.
        functional: bool [num_segments, segment_len], whether each token is `<sep>` or `<cls>`. The
            strategies `single_token` and `whole_word` never mask these. The span strategies may
            mask them, as published; the permutation does not count them as targets later.
        parameters: the parameters of sampling.
        goal: number of masked tokens per segment; None leaves it to the sampling. If the spans do
            not reach the goal, random single tokens are added.
        generator: generator for all draws.

    Returns:
        bool [num_segments, segment_len]; each row sums to `goal`, if it is given.
    """
    sampler = {
        "token_span": _spans,
        "word_span": _spans,
        "whole_word": _whole_words,
        "single_token": _single_tokens,
    }[parameters.strategy]
    mask = sampler(starts, functional, parameters, goal, generator)
    if goal is not None:
        avoid = parameters.strategy in ("whole_word", "single_token")
        _fill(mask, functional if avoid else None, goal, generator)
    return mask


def _spans(
    starts: np.ndarray,
    functional: np.ndarray,
    parameters: MaskParameters,
    goal: int | None,
    generator: np.random.Generator,
) -> np.ndarray:
    """Samples with the strategies `token_span` and `word_span`, which ignore `functional`."""
    del functional
    num_segments, length = starts.shape
    by_word = parameters.strategy == "word_span"
    next_start = _next_start(starts)
    if by_word:
        word_begin, num_before = _word_begins(starts)
    lengths = np.arange(1, parameters.max_gram + 1)
    cumulative = np.cumsum(1.0 / lengths) / np.sum(1.0 / lengths)

    spans = _SpanList(num_segments, length)
    active = np.arange(num_segments)
    position = np.zeros(num_segments, np.int64)
    masked = np.zeros(num_segments, np.int64)
    while active.size:
        draws = generator.random((2, active.size))
        n = np.minimum(np.searchsorted(cumulative, draws[0], side="right"), lengths[-1] - 1) + 1
        if goal is not None:
            n = np.minimum(n, goal - masked)
        context = n * parameters.alpha // parameters.beta
        left = (draws[1] * context).astype(np.int64)
        begin = next_start[active, np.minimum(position + left, length)].astype(np.int64)
        if by_word:
            # The span ends where the word begins that is n words further. Behind the last word, the
            # table contains the length of the segment.
            index = np.minimum(num_before[active, np.minimum(begin, length - 1)] + n, length)
            end = word_begin[active, index].astype(np.int64)
            if goal is not None:
                end = np.minimum(end, begin + goal - masked)
            keep = begin < length
        else:
            end = begin + n
            # A span that would reach the end of the segment is not used, and ends the walk.
            keep = end < length
        active, begin, end = active[keep], begin[keep], end[keep]
        spans.add(active, begin, end)
        masked = masked[keep] + (end - begin)
        position = end + (context - left)[keep]
        going_on = position < length
        if goal is not None:
            going_on &= masked < goal
        active, position, masked = active[going_on], position[going_on], masked[going_on]
    return spans.to_mask()


def _single_tokens(
    starts: np.ndarray,
    functional: np.ndarray,
    parameters: MaskParameters,
    goal: int | None,
    generator: np.random.Generator,
) -> np.ndarray:
    """Masks each token independently with probability beta / alpha.

    If there is a goal, nothing is masked here, because `_fill` then chooses all tokens.
    """
    if goal is not None:
        return np.zeros(starts.shape, bool)
    return (generator.random(starts.shape) < parameters.beta / parameters.alpha) & ~functional


def _whole_words(
    starts: np.ndarray,
    functional: np.ndarray,
    parameters: MaskParameters,
    goal: int | None,
    generator: np.random.Generator,
) -> np.ndarray:
    """Masks each word independently; with a goal, takes words in random order as long as they fit.

    Pieces before the first word of a segment belong to a word that began earlier, and are never
    masked.
    """
    num_segments, length = starts.shape
    word_begin, _ = _word_begins(starts)
    begins = word_begin[:, :-1].astype(np.int64)
    ends = word_begin[:, 1:].astype(np.int64)
    rows = np.arange(num_segments)[:, None]
    usable = (begins < length) & ~functional[rows, np.minimum(begins, length - 1)]
    keys = generator.random(begins.shape)
    spans = _SpanList(num_segments, length)
    if goal is None:
        segment, word = np.nonzero(usable & (keys < parameters.beta / parameters.alpha))
        spans.add(segment, begins[segment, word], ends[segment, word])
        return spans.to_mask()
    order = np.argsort(np.where(usable, keys, 2.0), axis=1, kind="stable")
    num_usable = usable.sum(axis=1)
    room = np.full(num_segments, goal, np.int64)
    active = np.arange(num_segments)
    for rank in range(length):
        active = active[(room[active] > 0) & (num_usable[active] > rank)]
        if not active.size:
            break
        word = order[active, rank]
        begin, end = begins[active, word], ends[active, word]
        fits = end - begin <= room[active]
        spans.add(active[fits], begin[fits], end[fits])
        room[active[fits]] -= (end - begin)[fits]
    return spans.to_mask()


def _fill(
    mask: np.ndarray, avoided: np.ndarray | None, goal: int, generator: np.random.Generator
) -> None:
    """Masks further random tokens, in place, until each row has `goal` masked tokens."""
    taken = mask if avoided is None else mask | avoided
    missing = goal - mask.sum(axis=1)
    # Drawing positions until a free one is hit is uniform over the free ones, and cheap as long as
    # many are free. The loop ends, because the configuration ensures that enough tokens are free.
    active = np.flatnonzero(missing > 0)
    missing = missing[active]
    length = mask.shape[1]
    while active.size:
        position = (generator.random(active.size) * length).astype(np.int64)
        free = ~taken[active, position]
        hit, where = active[free], position[free]
        mask[hit, where] = True
        taken[hit, where] = True
        missing -= free
        active, missing = active[missing > 0], missing[missing > 0]


class _SpanList:
    """Collects spans, each the part [begin, end) of a segment, in any order."""

    def __init__(self, num_segments: int, length: int) -> None:
        self._shape = (num_segments, length)
        self._begins = [np.empty(0, np.int64)]
        self._lengths = [np.empty(0, np.int64)]

    def add(self, segment: np.ndarray, begin: np.ndarray, end: np.ndarray) -> None:
        self._begins.append(segment * self._shape[1] + begin)
        self._lengths.append(end - begin)

    def to_mask(self) -> np.ndarray:
        """Returns which tokens are in a span; bool [num_segments, length]."""
        begins, lengths = np.concatenate(self._begins), np.concatenate(self._lengths)
        mask = np.zeros(self._shape, bool)
        # If the elements of all spans are numbered consecutively, element k lies k - (number of
        # elements in earlier spans) behind the beginning of its span.
        shifts = begins - (np.cumsum(lengths) - lengths)
        mask.reshape(-1)[np.repeat(shifts, lengths) + np.arange(lengths.sum())] = True
        return mask


def _next_start(starts: np.ndarray) -> np.ndarray:
    """Returns the first start at or after each position; `length` if there is none.

    int16 [num_segments, length + 1].
    """
    num_segments, length = starts.shape
    # Transposed, with positions as rows, so that each step of the running minimum is one vector
    # operation.
    result = np.full((length + 1, num_segments), length, np.int16)
    positions = np.arange(length, dtype=np.int16)[:, None]
    np.copyto(result[:-1], positions, where=starts.T)
    for position in range(length - 1, -1, -1):
        np.minimum(result[position], result[position + 1], out=result[position])
    return result.T


def _word_begins(starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the starts of the words in each segment.

    Returns:
        The positions of the starts in order, int16 [num_segments, length + 1], with `length` after
        the last one; and the number of starts before each position, int16 [num_segments, length].
    """
    num_segments, length = starts.shape
    counts = np.cumsum(starts, axis=1, dtype=np.int16)
    before = counts - starts
    result = np.full((num_segments, length + 1), length, np.int16)
    segment, position = np.nonzero(starts)
    result[segment, before[segment, position]] = position
    return result, before
