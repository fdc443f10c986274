"""Estimates what a corpus for pretraining costs before anything runs: files, time, memory.

The rates are those of `python -m benchmarks.corpus_rates` and `benchmarks.shuffle`, measured on one
core; docs/scaling.md has them with machine and date.
"""

from __future__ import annotations

import dataclasses
import re

from components.example_gen.pretraining import corpus_conversion
from components.preprocessing.pretraining import plan
from components.preprocessing.pretraining.config import PretrainingDataConfig

# Of English text with the published vocabulary, of which a document has 1,200 tokens on average:
# compressed examples per byte of text, and bytes of sections with their keys.
EXAMPLES_SHARE = 0.43
SHUFFLED_BYTES_PER_TOKEN = 2.2
# For each token of `seq_len`.
RECORD_BYTES_PER_TOKEN = 5.2
# Seconds of one core that shares its machine, like a virtual CPU in a cloud.
CONVERTING_SECONDS_PER_TOKEN = 0.30e-6
TOKENISING_SECONDS_PER_TOKEN = 1.49e-6
# For a record of 512 tokens.
BUILDING_SECONDS_PER_RECORD = 40e-6
# A worker's interpreter with its libraries.
WORKER_BYTES = 340e6
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]B)", re.IGNORECASE)


class CorpusSizeError(ValueError):
    """A text that does not say how large a corpus is."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorpusCost:
    """What a corpus costs.

    Attributes:
        text_bytes: size of the text.
        tokens: number of tokens, of which each pass has all.
        example_files: number of files of raw examples.
        example_bytes: their size.
        shards: number of files of records, in all passes.
        record_bytes: their size.
        shuffled_bytes: bytes that pass from tokenising to building.
        example_hours: hours of one core for the raw examples.
        record_hours: hours of one core for the records.
        worker_bytes: memory of a worker.
    """

    text_bytes: int
    tokens: int
    example_files: int
    example_bytes: int
    shards: int
    record_bytes: int
    shuffled_bytes: int
    example_hours: float
    record_hours: float
    worker_bytes: int


def parse_size(text: str) -> int:
    """Reads a size such as "126GB" or "64 MB"; returns bytes.

    Raises:
        CorpusSizeError: if it is none.
    """
    found = _SIZE.fullmatch(text.strip())
    size = round(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if not size:
        raise CorpusSizeError(
            f"{text!r} is no size of a corpus; write a number with KB, MB, GB or TB, such as 126GB."
        )
    return size


def corpus_cost(text_bytes: int, config: PretrainingDataConfig) -> CorpusCost:
    """Estimates what plain text of this size costs with these settings."""
    tokens = text_bytes // plan.BYTES_PER_TOKEN
    shards = config.num_shards or plan.shards_of(text_bytes, config)
    directions = 2 if config.bi_data else 1
    records = directions * config.num_passes * tokens // config.reuse_len
    unit_bytes = corpus_conversion.CorpusSettings(patterns={"all": ("*",)}).unit_bytes
    seconds = TOKENISING_SECONDS_PER_TOKEN * tokens + BUILDING_SECONDS_PER_RECORD * records * (
        config.seq_len / 512
    )
    return CorpusCost(
        text_bytes=text_bytes,
        tokens=tokens,
        example_files=-(-text_bytes // unit_bytes),
        example_bytes=round(EXAMPLES_SHARE * text_bytes),
        shards=shards * config.num_passes,
        record_bytes=round(RECORD_BYTES_PER_TOKEN * config.seq_len * records),
        shuffled_bytes=round(SHUFFLED_BYTES_PER_TOKEN * tokens * config.num_passes),
        example_hours=CONVERTING_SECONDS_PER_TOKEN * tokens / 3600,
        record_hours=seconds / 3600,
        worker_bytes=round(WORKER_BYTES + plan.SHARD_BYTES_PER_TOKEN * tokens / shards),
    )
