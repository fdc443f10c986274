"""A model's weights on their way from one format to another."""

from __future__ import annotations

import dataclasses

from components.checkpoint_conversion.heads import Heads
from components.checkpoint_conversion.tensors import Tensors
from components.modeling.config import XLNetConfig


@dataclasses.dataclass(frozen=True)
class Weights:
    """All variables of a model, checked against its configuration.

    Attributes:
        config: the network.
        heads: beside the encoder.
        tensors: under the published names, each with the shape that the configuration asks for.
        vocabulary: path of the SentencePiece model that lies beside them, if one does.
        vocabulary_sha256: its digest, or that of the vocabulary that the weights are said to belong
            to; None if neither is there.
        labels: of the head for whole sequences, in the order of its outputs; empty if they are not
            known, or there is nothing to choose.
        multi_label: whether that head says of each label by itself whether it holds.
        notes: what a user should know about how they were read, a sentence each.
    """

    config: XLNetConfig
    heads: Heads
    tensors: Tensors
    vocabulary: str | None
    vocabulary_sha256: str | None
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    multi_label: bool = False
