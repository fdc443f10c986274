"""What `xlnet-pipeline estimate --corpus SIZE` prints."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.config import PipelineConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the size of the corpus and the number of workers."""
    parser.add_argument(
        "--corpus",
        metavar="SIZE",
        help="size of the text for pretraining, such as 126GB: what its records cost",
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="cores that share the work on a corpus"
    )


def print_for(config: PipelineConfig, *, size: str, workers: int) -> None:
    """Prints what a corpus costs.

    Args:
        config: configuration of a pretraining pipeline.
        size: size of the text.
        workers: number of cores that share the work.

    Raises:
        ValueError: if the configuration has no corpus, or if one of the numbers is illegal.
    """
    from pipeline import corpus_cost

    if config.kind != "pretraining":
        raise ValueError(f"--corpus belongs to kind 'pretraining', but this is {config.kind!r}.")
    if workers < 1:
        raise ValueError(f"--workers is {workers}; at least 1.")
    cost = corpus_cost.corpus_cost(corpus_cost.parse_size(size), config.records)
    rows = {
        "corpus": f"{_gigabytes(cost.text_bytes)} of text, about {cost.tokens:,} tokens",
        "raw examples": f"{cost.example_files:,} files, {_gigabytes(cost.example_bytes)}",
        "records": f"{cost.shards:,} files, {_gigabytes(cost.record_bytes)}",
        "shuffled": f"{_gigabytes(cost.shuffled_bytes)} from tokenising to building",
        "examples": _hours(cost.example_hours, workers),
        "building": _hours(cost.record_hours, workers),
        "worker": f"{_gigabytes(cost.worker_bytes)} of memory",
    }
    for name, value in rows.items():
        print(f"{name:12} {value}")


def _hours(hours: float, workers: int) -> str:
    return f"{hours:,.2f} hours of one core, {hours / workers:,.2f} with {workers:,}"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.3f} GB"
