"""Arguments of the commands that read a configuration."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.config import PipelineConfig

_NOT_NEEDED = "not-needed-without-data"


def add(parser: argparse.ArgumentParser, *, preset_required: bool = True) -> None:
    """Adds the preset and what may replace its values."""
    parser.add_argument(
        "preset",
        nargs=None if preset_required else "?",
        help="name of a preset, or path of a YAML file",
    )
    parser.add_argument(
        "--set",
        dest="overrides",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="values that replace the preset's, such as training.train_steps=100",
    )
    parser.add_argument("--data", help="folder of the raw data (data.root)")
    parser.add_argument("--vocabulary", help="SentencePiece model (vocabulary.model)")
    parser.add_argument("--init-from", help="folder of the weights to start from (init_from)")
    parser.add_argument("--output", help="folder for everything the run writes (run.output_root)")


def load(options: argparse.Namespace) -> PipelineConfig:
    """The configuration that the arguments ask for.

    Raises:
        ConfigurationError: naming the place in the document and what is legal there.
    """
    # Beam's filesystems take seconds to import; `--help` does without.
    from pipeline import preset_loader

    named = {
        "data.root": options.data,
        "vocabulary.model": options.vocabulary,
        # It takes the place of the vocabulary that a preset would train.
        "vocabulary.size": "null" if options.vocabulary else None,
        "init_from": options.init_from,
        "run.output_root": options.output,
    }
    overrides = [f"{key}={value}" for key, value in named.items() if value is not None]
    return preset_loader.load(options.preset, [*options.overrides, *overrides])


def load_without_data(options: argparse.Namespace) -> PipelineConfig:
    """As `load`, for commands that read no data: what only a run needs may be left out."""
    given = {override.partition("=")[0] for override in options.overrides}
    folders = {"data.root": _NOT_NEEDED, "run.output_root": _NOT_NEEDED}
    # As above.
    vocabulary = {"vocabulary.model": _NOT_NEEDED, "vocabulary.size": "null"}

    def load_with(placeholders: Mapping[str, str]) -> PipelineConfig:
        overrides = [f"{key}={value}" for key, value in placeholders.items() if key not in given]
        return load(
            argparse.Namespace(**vars(options) | {"overrides": [*overrides, *options.overrides]})
        )

    try:
        # A vocabulary that is named says how many pieces there are.
        return load_with(folders)
    except ValueError:
        if any(key.startswith("vocabulary.") for key in given):
            raise
    return load_with(folders | vocabulary)
