"""The built-in sentiment data sets: IMDb and Yelp, in the layouts in which they are distributed."""

from __future__ import annotations

from components.example_gen.classification.dataset import Columns, Split, TextDataset

IMDB = TextDataset(
    name="imdb",
    file_format="folders",
    # `[np]*` matches neg and pos, but not train/unsup, whose reviews have no labels.
    splits={"train": Split("train/[np]*/*.txt"), "eval": Split("test/[np]*/*.txt")},
    labels=("neg", "pos"),
    strip=True,
    replacements=(("<br />", " "),),
)


def _yelp(name: str, stars: int) -> TextDataset:
    return TextDataset(
        name=name,
        file_format="csv",
        columns=Columns(label=0, text_a=1),
        labels=tuple(str(star) for star in range(1, stars + 1)),
        splits={"train": Split("train.csv"), "eval": Split("test.csv")},
        # The files escape quotes twice; the CSV reader undoes one of the two, and this the other.
        replacements=(('""', '"'), ('\\"', '"')),
    )


REVIEW_TASKS = {task.name: task for task in (IMDB, _yelp("yelp-2", 2), _yelp("yelp-5", 5))}
