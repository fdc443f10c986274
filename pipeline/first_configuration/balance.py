"""Chooses a division by hash in which the labels have about the same shares in both splits."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence

from components.example_gen.classification.dataset import TextDataset
from components.example_gen.classification.plan import ConversionPlan

_MAX_SEEDS = 50
# Dividing rows takes time; many rows are balanced by any division.
_MAX_HASHES = 200_000


def hash_seed(dataset: TextDataset, rows: Sequence[tuple[str, str | None]]) -> int:
    """Returns the best of the first seeds for a division by hash.

    The best is the one in which most labels are in both splits, and then the one in which no label
    has a share in the evaluation that differs much from its share in all rows.

    Args:
        dataset: description of the data set, with a `hash_split` into "train" and "eval".
        rows: id and label of each row.
    """
    if dataset.is_regression:
        return 0
    total = collections.Counter(label for _, label in rows)
    tried = max(1, min(_MAX_SEEDS, _MAX_HASHES // max(1, len(rows))))
    (name,) = dataset.splits

    def unlikeness(seed: int) -> tuple[int, float]:
        plan = ConversionPlan(
            dataclasses.replace(dataset, hash_seed=seed),
            total_bytes={},
            num_shards={},
            seed=0,
            max_row_bytes=0,
        )
        judged = collections.Counter(
            label for guid, label in rows if plan.split_of_row(name, guid) == "eval"
        )
        size = max(1, judged.total())
        missing = sum(judged[label] in (0, count) for label, count in total.items())
        distance = max(
            abs(judged[label] / size - count / len(rows)) for label, count in total.items()
        )
        return missing, distance

    return min(range(tried), key=unlikeness)
