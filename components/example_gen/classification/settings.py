"""Settings of the TextExampleGen component, which travel to its executor as a JSON text."""

from __future__ import annotations

import dataclasses

from components.configuration import PositiveInt, Share
from components.example_gen.classification import rows
from components.example_gen.classification.dataset import TextDataset


@dataclasses.dataclass(frozen=True)
class TextExampleGenSettings:
    """Everything that determines the raw examples, except the location of the input.

    Attributes:
        dataset: files, columns and labels of the data set.
        seed: seed of the random order in which the training split is written.
        max_dead_letter_share: share of all rows that may be unusable, in [0, 1]; if there are more,
            the component fails.
        shard_bytes: input bytes per output file. The rows of an output file are sorted in memory.
        max_row_bytes: length of the longest legal row in bytes; longer rows become dead letters.
    """

    dataset: TextDataset
    seed: int = 0
    max_dead_letter_share: Share = 0.001
    shard_bytes: PositiveInt = 64 << 20
    max_row_bytes: PositiveInt = rows.MAX_ROW_BYTES
