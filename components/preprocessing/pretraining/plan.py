"""Plans a run of pretraining's preprocessing, and checks everything possible before Beam starts."""

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

# Rough values, only used to choose the number of shards and to check it: bytes of English text per
# piece, and the compression ratio of text.
BYTES_PER_TOKEN = 4
_COMPRESSION = 3
# A shard should have at least this many batches, so that the loss at the end of its rows is small.
_BATCHES_PER_SHARD = 64
# What a worker needs for a shard while it builds the records, measured with `bi_data`
# (docs/scaling.md): segments and masks are drawn from all of its text.
SHARD_BYTES_PER_TOKEN = 30
# About 2 GB in a worker. Where large batches need more, twice what they need is allowed.
_MAX_SHARD_TOKENS = 1 << 26


class NoTextError(ValueError):
    """The input files exist, but are all empty."""


@dataclasses.dataclass(frozen=True)
class InputFile:
    """A file of the corpus; `size` is its size in bytes as stored, that is, possibly compressed."""

    path: str
    size: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingPlan(RecordsJob):
    """The plan of a run of preprocessing.

    Attributes:
        config: the settings that shape the records.
        inputs: input files by split.
        num_shards: number of output files per pass, by split.
        file_format: format of the input files.
        text_field: key of the text in JSONL objects and Examples.
        from_raw_text: False if lines consist of ids of pieces.
        common_directory: directory that contains all input files. Random draws only depend on the
            path below it, so a corpus can be moved without changing the records.
    """

    config: PretrainingDataConfig
    inputs: Mapping[str, Sequence[InputFile]]
    num_shards: Mapping[str, int]
    file_format: CorpusFormat
    text_field: str
    from_raw_text: bool
    common_directory: str

    def shard_name(self, split: str, pass_index: int, shard: int) -> str:
        """Returns the path of a shard's file relative to the output directory."""
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
    """Makes the plan: checks everything possible, and looks at the size of the input.

    Args:
        inputs: glob patterns of the input files by split, such as {"train": ["corpus/*.txt.gz"]}.
        output_directory: directory that only this run uses.
        config: the settings that shape the records.
        tokenizer: a tokenizer that treats case and accents as `config` says.
        file_format: format of the input files; see
            `components.example_gen.pretraining.corpus.read_documents`.
        text_field: key of the text in JSONL objects and Examples.
        from_raw_text: False if the text consists of ids of pieces, separated by white space.

    Raises:
        NoSuchFilesError: if a pattern matches no file; the message names the pattern.
        NoTextError: if all files of a split are empty.
        PretrainingDataConfigError: if the tokenizer or the format does not fit the configuration.
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
        num_shards={split: _num_shards(split, members, config) for split, members in found.items()},
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
    # Large files come first, so that no worker starts one when all others have finished.
    return sorted(found.values(), key=lambda file: (-file.size, file.path))


def _num_shards(split: str, members: Sequence[InputFile], config: PretrainingDataConfig) -> int:
    text_bytes = sum(
        file.size * (_COMPRESSION if is_compressed(file.path) else 1) for file in members
    )
    number = config.num_shards or shards_of(text_bytes, config)
    shard_tokens = text_bytes // BYTES_PER_TOKEN // number
    allowed = max(_MAX_SHARD_TOKENS, 2 * _least_shard_tokens(config))
    if shard_tokens > allowed:
        name = "num_shards" if config.num_shards else "shard_tokens"
        raise PretrainingDataConfigError(
            f"{name} is {getattr(config, name):,}, with which a shard of the split {split!r} has "
            f"about {shard_tokens:,} tokens. A worker holds a shard in memory, here "
            f"{shard_tokens * SHARD_BYTES_PER_TOKEN / 1e9:,.1f} GB. Set num_shards to at least "
            f"{-(-text_bytes // BYTES_PER_TOKEN // allowed):,}, or leave out both."
        )
    return number


def shards_of(text_bytes: int, config: PretrainingDataConfig) -> int:
    """Returns how many shards per pass a split with this much text gets if none are prescribed."""
    tokens = max(config.shard_tokens, _least_shard_tokens(config))
    return max(1, round(text_bytes / BYTES_PER_TOKEN / tokens))


def _least_shard_tokens(config: PretrainingDataConfig) -> int:
    return config.num_streams * (config.seq_len + _BATCHES_PER_SHARD * config.reuse_len)


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
