"""Writes the sections that configurations of all kinds have: vocabulary, training and options."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import yaml

from components import files
from components.checkpoint_conversion import checkpoint_path, description
from components.checkpoint_conversion.description import Description
from components.modeling.config import XLNetConfig
from pipeline.first_configuration import sizes
from pipeline.first_configuration.yaml_text import line, scalar
from pipeline.first_look.text_lengths import TextLengths

# Lies beside all weights from which training can start.
NETWORK_NAME = checkpoint_path.CONFIG_NAME
NORMALIZATION = ("uncased", "keep_accents")


def start(lengths: TextLengths, *, vocabulary: str | None, init_from: str | None) -> Iterator[str]:
    """Yields the section `vocabulary`, and the weights to start from with their network.

    Args:
        lengths: lengths of the texts, which allow for a certain size of a vocabulary.
        vocabulary: path of a SentencePiece model; None trains one.
        init_from: folder of the weights; None starts from random ones.
    """
    if init_from:
        yield line(f"init_from: {scalar(init_from)}", "gives the network and the vocabulary, too")
        network = XLNetConfig.read(files.join(init_from, NETWORK_NAME)).to_published()
        yield f"model: {yaml.safe_dump(network, default_flow_style=True, width=math.inf).strip()}"
    if vocabulary:
        known = texts_of(init_from)
        asked = "".join(f", {name}: true" for name in NORMALIZATION if getattr(known, name))
        case = "add uncased: true if the weights were trained on lower-cased texts"
        unknown = init_from and known.uncased is None
        yield line(f"vocabulary: {{model: {scalar(vocabulary)}{asked}}}", case if unknown else "")
        return
    size = sizes.vocabulary_size(lengths.distinct_words, lengths.distinct_characters)
    accents = ", keep_accents: true" if lengths.has_accents else ""
    found = f"trained on these texts, which have {lengths.distinct_words:,} different words"
    yield line(f"vocabulary: {{size: {size}{accents}}}", found)


def texts_of(init_from: str | None) -> Description:
    """Returns what weights say of the texts that they were trained on; nothing without weights."""
    return description.read(init_from) if init_from else Description()


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
    if schedule.init_std is not None:
        options = [f"init_std: {schedule.init_std}", *options]
    if options:
        yield f"options: {{{', '.join(options)}}}"
