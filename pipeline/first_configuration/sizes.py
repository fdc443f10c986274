"""Derives sizes and schedules from the amount and the lengths of the data."""

from __future__ import annotations

import dataclasses
import math

# Lengths that are multiples of 16 suit CPUs and GPUs alike.
_LENGTHS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)
_VOCABULARIES = (100, 150, 200, 300, 400, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000, 8000)
# XLNet's special pieces, and some pieces of more than a character.
_PIECES_BESIDE_CHARACTERS = 50
# SentencePiece finds about this many pieces for each different word of a small corpus.
_PIECES_PER_WORD = 0.7
# Above this number of examples, the larger of the two networks for the CPU is trained.
_MANY_EXAMPLES = 5000
_MIN_STEPS, _MAX_STEPS = 200, 6000
# From the preset sst2_base, which starts from published weights.
_EPOCHS_FROM_WEIGHTS = 3
_RATE_FROM_WEIGHTS = 2.0e-5
# How much of what guessing leaves a model should get right before it is pushed.
_BETTER_THAN_GUESSING = 0.1


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Network and training for a number of examples.

    Attributes:
        presets: presets to extend, with commas between them.
        init_std: standard deviation of the random weights; None if the weights are given.
        batch_size: examples per update.
        train_steps: number of updates.
        warmup_steps: updates during which the learning rate rises.
        learning_rate: peak of the learning rate.
        epochs: how often each example is seen.
    """

    presets: str
    init_std: float | None
    batch_size: int
    train_steps: int
    warmup_steps: int
    learning_rate: float
    epochs: float


def schedule(
    examples: int, *, epochs: int = 20, batch_size: int | None = None, from_weights: bool = False
) -> Schedule:
    """Returns a schedule for this many training examples.

    Args:
        examples: number of training examples.
        epochs: how often each is seen, if neither limit of the number of steps is reached.
        batch_size: examples per update; None takes a size by the number of examples.
        from_weights: whether training starts from given weights, which takes fewer epochs.
    """
    if from_weights:
        epochs = _EPOCHS_FROM_WEIGHTS
    if batch_size is None:
        batch_size = 8 if examples < 200 else 16 if examples < 1000 else 32
    wanted = examples * epochs / batch_size
    steps = round(min(max(wanted, _MIN_STEPS), _MAX_STEPS) / 50) * 50
    is_large = examples > _MANY_EXAMPLES
    if from_weights:
        presets, init_std, learning_rate = "base", None, _RATE_FROM_WEIGHTS
    else:
        presets = "base, sizes/small" if is_large else "base, sizes/tiny"
        # From the presets sst2_small and sample, which were measured with these values.
        init_std, learning_rate = (0.02, 5.0e-4) if is_large else (0.05, 2.0e-3)
    return Schedule(
        presets=presets,
        init_std=init_std,
        learning_rate=learning_rate,
        batch_size=batch_size,
        train_steps=steps,
        warmup_steps=steps // 10,
        epochs=steps * batch_size / max(1, examples),
    )


def sequence_length(pieces: int, *, largest: int) -> int:
    """Rounds a number of pieces, special ones included, up to a usual length."""
    return next(length for length in _LENGTHS if length >= min(pieces, largest))


def vocabulary_size(distinct_words: int, distinct_characters: int) -> int:
    """Returns a size of a vocabulary that texts with so many words and characters allow."""
    wanted = distinct_words * _PIECES_PER_WORD
    size = max((size for size in _VOCABULARIES if size <= wanted), default=_VOCABULARIES[0])
    smallest = distinct_characters + _PIECES_BESIDE_CHARACTERS
    return max(size, math.ceil(smallest / 50) * 50)


def above(share: float) -> float:
    """Returns a threshold that a model has to beat if guessing reaches `share`."""
    bound = share + _BETTER_THAN_GUESSING * (1 - share)
    return min(math.ceil(bound * 1000) / 1000, 0.999)


def dead_letter_share(skipped: int, total: int, *, is_sample: bool) -> float | None:
    """Returns the share of unusable input that has to be allowed; None for the default."""
    if skipped <= 1 and not is_sample:
        return None
    # The rest of the data may be somewhat worse than the beginning.
    share = skipped / max(1, total) * (1.5 if is_sample else 1)
    share = min(math.ceil(share * 1000) / 1000, 1.0)
    return share if share > 0.001 else None
