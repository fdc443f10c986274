"""Which SQuAD files are read, and how they become splits."""

from __future__ import annotations

import dataclasses

from components import files
from components.configuration import PositiveInt, Share
from components.example_gen import patterns, split_shares


@dataclasses.dataclass(frozen=True)
class SquadSettings:
    """How SQuAD files become splits.

    Attributes:
        patterns: glob pattern of each split's files, below the data root or absolute.
        article_split: weights of the output splits, such as {"train": 9, "eval": 1}, if `patterns`
            has a single entry whose articles should be divided among them; otherwise empty.
        seed: seed of the random division by `article_split`.
        max_dead_letter_share: share of the questions that may be unusable. A single question may
            always be unusable.
    """

    patterns: dict[str, str]
    article_split: dict[str, PositiveInt] = dataclasses.field(default_factory=dict)
    seed: int = 0
    max_dead_letter_share: Share = 0.001

    def __post_init__(self) -> None:
        if not self.patterns:
            raise ValueError("patterns is empty; give the files of each split, or of all of them.")
        split_shares.check(
            "article_split",
            self.article_split,
            self.patterns,
        )

    @property
    def output_splits(self) -> list[str]:
        """Names of the splits that are written."""
        return list(self.article_split or self.patterns)


def name_in(data_root: str, path: str) -> str:
    """Returns the path of a file relative to the data root.

    It identifies the file's articles without a title, so that the data may be moved as a whole.
    """
    return path.removeprefix(data_root.rstrip("/") + "/")


def find_files(settings: SquadSettings, data_root: str) -> dict[str, list[str]]:
    """Finds the paths of each input split's files, sorted.

    Raises:
        NoSuchFilesError: if a pattern matches nothing; the message names the pattern.
    """
    return {
        name: files.expand(patterns.resolve(data_root, pattern), purpose=f"SQuAD files of {name!r}")
        for name, pattern in settings.patterns.items()
    }
