"""Settings of the TextExampleGen component: one JSON text from the pipeline to the executor."""

from __future__ import annotations

import dataclasses

from components.example_gen.classification.dataset import TextDataset


@dataclasses.dataclass(frozen=True)
class TextExampleGenSettings:
    """What shapes the raw examples, apart from the place of the input.

    Attributes:
        dataset: files, columns and labels.
        seed: of the order in which the training split is written.
        max_dead_letter_share: of all rows, in [0, 1]; more unusable rows fail the component.
        shard_bytes: input bytes per output file; a file's rows are sorted in memory.
        max_row_bytes: longest legal row; longer ones are dead letters.
    """

    dataset: TextDataset
    seed: int = 0
    max_dead_letter_share: float = 0.001
    shard_bytes: int = 64 << 20
    max_row_bytes: int = 10_000_000

    def __post_init__(self):
        if not 0 <= self.max_dead_letter_share <= 1:
            raise ValueError(
                f"max_dead_letter_share should be in [0, 1], not {self.max_dead_letter_share}."
            )
        for name in ("shard_bytes", "max_row_bytes"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} should be positive, not {getattr(self, name)}.")
