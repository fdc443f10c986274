"""Writes the sections that configurations of all kinds have: vocabulary, training and options."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.first_configuration import sizes
from pipeline.first_configuration.yaml_text import line, scalar
from pipeline.first_look.text_lengths import TextLengths


def vocabulary_section(lengths: TextLengths, vocabulary: str | None) -> Iterator[str]:
    """Yields the section `vocabulary`: a given file, or a size that the texts allow."""
    if vocabulary:
        yield f"vocabulary: {{model: {scalar(vocabulary)}}}"
        return
    size = sizes.vocabulary_size(lengths.distinct_words, lengths.distinct_characters)
    accents = ", keep_accents: true" if lengths.has_accents else ""
    found = f"trained on these texts, which have {lengths.distinct_words:,} different words"
    yield line(f"vocabulary: {{size: {size}{accents}}}", found)


def training(
    schedule: sizes.Schedule,
    examples: int,
    *,
    more: Sequence[str] = (),
    options: Sequence[str] = (),
) -> Iterator[str]:
    """Yields the sections `training` and `options`.

    Args:
        schedule: the schedule.
        examples: number of training examples, for a comment.
        more: further settings under `training`, one a line.
        options: further settings under `options`.
    """
    yield "training:"
    yield f"  batch_size: {schedule.batch_size}"
    seen = f"{examples:,} examples, each is seen about {max(1, round(schedule.epochs))} times"
    yield line(f"  train_steps: {schedule.train_steps}", seen)
    yield f"  learning_rate: {schedule.learning_rate:.1e}"
    yield f"  warmup_steps: {schedule.warmup_steps}"
    yield f"  eval_steps_interval: {max(50, schedule.train_steps // 5)}"
    yield f"  save_steps: {max(50, schedule.train_steps // 5)}"
    yield from (f"  {setting}" for setting in more)
    yield f"options: {{{', '.join([f'init_std: {schedule.init_std}', *options])}}}"
