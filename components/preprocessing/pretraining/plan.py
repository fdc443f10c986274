"""What a run of preprocessing will do, worked out and checked before Beam starts."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Mapping, Sequence

from components import files
from components.example_gen.pretraining.corpus import CORPUS_FORMATS, TEXT_FEATURE, CorpusFormat
from components.example_gen.pretraining.corpus_files import is_compressed
from components.preprocessing.pretraining.config import (
    PretrainingDataConfig,
    PretrainingDataConfigError,
)
from components.preprocessing.records_job import RecordsJob, split_directory
from components.tokenization.tokenizer import Tokenizer

# For the number of shards only: bytes of text per piece in English, and how much text compresses.
_BYTES_PER_TOKEN = 4
_COMPRESSION = 3
# A shard should have so many batches that what is lost at the end of its rows does not matter.
_BATCHES_PER_SHARD = 64


class NoTextError(ValueError):
    """Input files that exist and are all empty."""


@dataclasses.dataclass(frozen=True)
class InputFile:
    """A file of the corpus; `size` is in bytes, as it lies there."""

    path: str
    size: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingPlan(RecordsJob):
    """A run of preprocessing.

    Attributes:
        config: what shapes the records.
        inputs: files by split.
        num_shards: files per pass, by split.
        file_format: of the input.
        text_field: key of the text in JSONL objects and Examples.
        from_raw_text: False if lines hold ids of pieces.
        common_directory: begins the paths of all input files. Draws depend on the rest of the
            path only, so a corpus may be moved.
    """

    config: PretrainingDataConfig
    inputs: Mapping[str, Sequence[InputFile]]
    num_shards: Mapping[str, int]
    file_format: CorpusFormat
    text_field: str
    from_raw_text: bool
    common_directory: str

    def shard_name(self, split: str, pass_index: int, shard: int) -> str:
        """File name of a shard relative to the output directory."""
        return (
            f"{split_directory(split)}/pretraining-pass-{pass_index:03d}-"
            f"{shard:05d}-of-{self.num_shards[split]:05d}.tfrecord"
        )


def make_plan(
    *,
    inputs: Mapping[str, Sequence[str]],
    output_directory: str,
    config: PretrainingDataConfig,
    tokenizer: Tokenizer,
    file_format: CorpusFormat,
    text_field: str = TEXT_FEATURE,
    from_raw_text: bool = True,
) -> PretrainingPlan:
    """Checks everything that can be checked, and looks at the size of the input.

    Args:
        inputs: glob patterns by split, such as {"train": ["corpus/*.txt.gz"]}.
        output_directory: a directory of this run's own.
        config: what shapes the records.
        tokenizer: that treats case and accents as `config` says.
        file_format: see `components.example_gen.pretraining.corpus.read_documents`.
        text_field: likewise.
        from_raw_text: False if the text is ids of pieces, separated by white space.

    Raises:
        NoSuchFilesError: naming the pattern that matches nothing.
        NoTextError: if all files of a split are empty.
        PretrainingDataConfigError: if the tokenizer or the format do not fit the configuration.
    """
    for name in ("uncased", "keep_accents"):
        given, actual = getattr(config, name), getattr(tokenizer, name)
        if given != actual:
            raise PretrainingDataConfigError(
                f"{name} is {given} in the configuration and {actual} in the tokenizer; make both "
                "the same."
            )
    if file_format not in CORPUS_FORMATS:
        raise PretrainingDataConfigError(
            f"There is no corpus format {file_format!r}; legal are {', '.join(CORPUS_FORMATS)}."
        )
    found = {split: _find(split, patterns) for split, patterns in inputs.items()}
    if not found:
        raise PretrainingDataConfigError("inputs is empty; it gives file patterns by split.")
    return PretrainingPlan(
        config=config,
        tokenizer=tokenizer,
        output_directory=output_directory,
        inputs=found,
        num_shards={
            split: config.num_shards or _estimate_shards(members, config)
            for split, members in found.items()
        },
        file_format=file_format,
        text_field=text_field,
        from_raw_text=from_raw_text,
        common_directory=_common_directory(
            [file.path for members in found.values() for file in members]
        ),
    )


def _find(split: str, patterns: Sequence[str]) -> list[InputFile]:
    found = {}
    for pattern in patterns:
        for file in files.find(pattern, purpose=f"corpus files of the split {split!r}"):
            found[file.path] = InputFile(file.path, file.size)
    if not any(file.size for file in found.values()):
        raise NoTextError(
            f"The corpus files of the split {split!r} are all empty: {', '.join(patterns)}."
        )
    # Large ones first, so that no worker begins one when the others are done.
    return sorted(found.values(), key=lambda file: (-file.size, file.path))


def _estimate_shards(members: Sequence[InputFile], config: PretrainingDataConfig) -> int:
    text_bytes = sum(
        file.size * (_COMPRESSION if is_compressed(file.path) else 1) for file in members
    )
    least = config.num_streams * (config.seq_len + _BATCHES_PER_SHARD * config.reuse_len)
    return max(1, round(text_bytes / _BYTES_PER_TOKEN / max(config.shard_tokens, least)))


def _common_directory(paths: Sequence[str]) -> str:
    directories = [posixpath.dirname(path) for path in paths]
    shortest = min(directories, key=len)
    while shortest and not all(
        directory == shortest or directory.startswith(shortest.rstrip("/") + "/")
        for directory in directories
    ):
        parent = posixpath.dirname(shortest)
        shortest = "" if parent == shortest else parent
    return shortest
