"""The common form in which weights are passed from the reader of one format to another's writer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from components.checkpoint_conversion.heads import Heads
from components.checkpoint_conversion.tensors import Tensors
from components.modeling.config import XLNetConfig


@dataclasses.dataclass(frozen=True)
class Weights:
    """All variables of a model, checked against its configuration.

    Attributes:
        config: configuration of the network.
        heads: the heads that the model has on top of the encoder.
        tensors: the variables under their published names, each with the shape that the
            configuration asks for.
        vocabulary: path of the SentencePiece model beside the weights; None if there is none.
        vocabulary_sha256: digest of that model or, without one, of the vocabulary that
            `xlnet_weights.json` names; None if neither is known.
        labels: labels of the head for whole sequences, in the order of its outputs; empty if they
            are not known, or if the head does not choose among labels.
        multi_label: whether the head for whole sequences decides about each label independently.
        notes: what the user should know about how the weights were read, one sentence each.
        uncased: whether texts are lower-cased for these weights; None if it is not known.
        keep_accents: whether texts keep their accents for them; None if it is not known.
        of_a_run: fields of a `config.json` that belong to a run instead of the weights.
    """

    config: XLNetConfig
    heads: Heads
    tensors: Tensors
    vocabulary: str | None
    vocabulary_sha256: str | None
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    multi_label: bool = False
    uncased: bool | None = None
    keep_accents: bool | None = None
    of_a_run: Mapping[str, Any] = dataclasses.field(default_factory=dict)
