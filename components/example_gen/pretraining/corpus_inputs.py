"""Which corpus files are read, and how they become splits."""

from __future__ import annotations

import dataclasses

from components import files
from components.configuration import PositiveInt, Share
from components.example_gen import split_shares
from components.example_gen.patterns import resolve
from components.example_gen.pretraining.corpus import TEXT_FEATURE, CorpusFormat


@dataclasses.dataclass(frozen=True)
class CorpusSettings:
    """How corpus files are read and become splits.

    Attributes:
        patterns: glob patterns of each split's files, below the data root or absolute.
        document_split: weights of the output splits, such as {"train": 99, "eval": 1}, if
            `patterns` has a single entry whose documents should be divided among them; otherwise
            empty.
        file_format: "text", "jsonl" or "tfrecord"; see
            `components.example_gen.pretraining.corpus`.
        text_field: key of the text in JSONL objects, or name of its feature in Examples.
        seed: seed of the random division by `document_split`.
        max_dead_letter_share: share of the text, in bytes, that may be unusable. A single line of
            ordinary length may always be unusable.
        unit_bytes: bytes of input in a unit of work. A worker converts one unit at a time and
            writes one file per output split for it.
    """

    patterns: dict[str, tuple[str, ...]]
    document_split: dict[str, PositiveInt] = dataclasses.field(default_factory=dict)
    file_format: CorpusFormat = "text"
    text_field: str = TEXT_FEATURE
    seed: int = 0
    max_dead_letter_share: Share = 0.001
    unit_bytes: PositiveInt = 64 << 20

    def __post_init__(self) -> None:
        if not self.patterns or not all(self.patterns.values()):
            raise ValueError("patterns is empty; give the files of each split, or of all of them.")
        split_shares.check(
            "document_split",
            self.document_split,
            self.patterns,
        )

    @property
    def output_splits(self) -> list[str]:
        """Names of the splits that are written."""
        return list(self.document_split or self.patterns)


@dataclasses.dataclass(frozen=True)
class CorpusFile:
    """A file of the corpus.

    Attributes:
        path: full path of the file.
        name: path relative to the data root. Documents are identified by it, so that a corpus may
            be moved.
        size: size of the file in bytes, as stored; for a compressed file, its compressed size.
    """

    path: str
    name: str
    size: int


def find_files(settings: CorpusSettings, data_root: str) -> dict[str, list[CorpusFile]]:
    """Finds the files of each input split, sorted by path.

    Raises:
        NoSuchFilesError: if a pattern matches nothing; the message names the pattern.
        ValueError: if a file belongs to two splits.
    """
    root = data_root.rstrip("/") + "/"
    found: dict[str, list[CorpusFile]] = {}
    split_of: dict[str, str] = {}
    for split, patterns in settings.patterns.items():
        sizes: dict[str, int] = {}
        for pattern in patterns:
            whole = resolve(data_root, pattern)
            for file in files.find(whole, purpose=f"corpus files of {split!r}"):
                sizes[file.path] = file.size
        for path in sizes:
            other = split_of.setdefault(path, split)
            if other != split:
                raise ValueError(
                    f"{path} belongs to the splits {other!r} and {split!r}; what is held out must "
                    "not be trained on. Fix the patterns."
                )
        found[split] = [
            CorpusFile(path, path.removeprefix(root), size) for path, size in sorted(sizes.items())
        ]
    return found
