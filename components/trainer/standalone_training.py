"""What the training commands of all kinds share: options, configuration, and record patterns."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any

from components import standalone

STRATEGIES = ("one_device", "mirrored", "multi_worker", "tpu")


def command(
    help_text: str, run: Callable[[argparse.Namespace], None], config: str
) -> standalone.Command:
    """Describes a kind of training as a plain command.

    Args:
        help_text: one line of help about the command.
        run: function that trains, given the parsed options.
        config: dotted path of the dataclass that the file given by `--config` holds.
    """
    return standalone.Command(
        help_text,
        run,
        {"records": "folder of records, with their manifest"},
        {"model_dir": "gets checkpoints, curves, and the weights under xlnet/"},
        config,
        _add_arguments,
    )


def read_config(options: argparse.Namespace) -> Any:
    """Reads the run's configuration; `--strategy`, if given, replaces `training.strategy`."""
    config = standalone.read_config(options)
    if options.strategy is None:
        return config
    training = dataclasses.replace(config.training, strategy=options.strategy)
    return dataclasses.replace(config, training=training)


def record_files(options: argparse.Namespace, split: str) -> list[str]:
    """Returns the file patterns of a split's records; an empty list if there is no such split."""
    from components import files

    known = files.split_names(options.records)
    return [files.all_in(files.join(options.records, f"Split-{split}"))] if split in known else []


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--strategy", choices=STRATEGIES, help="takes the place of training.strategy"
    )
    parser.add_argument(
        "--state-root",
        metavar="PATH",
        help="folder of the checkpoints of all runs, a folder each; default: --model-dir",
    )
