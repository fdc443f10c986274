"""The built-in data set for multiple choice: RACE, in the layout in which it is distributed."""

from __future__ import annotations

from components.example_gen.classification.dataset import Split, TextDataset

RACE = TextDataset(
    name="race",
    file_format="race",
    labels=("A", "B", "C", "D"),
    splits={
        "train": Split("train/*/*.txt"),
        "eval": Split("dev/*/*.txt", guid_prefix="dev"),
        "test": Split("test/*/*.txt", required=False),
    },
)

READING_TASKS = {RACE.name: RACE}
