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
        notes: what a user should know about how they were read, a sentence each.
    """

    config: XLNetConfig
    heads: Heads
    tensors: Tensors
    vocabulary: str | None
    notes: tuple[str, ...]
