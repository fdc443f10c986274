"""The arguments that all commands share that read a configuration."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.config import PipelineConfig
    from pipeline.derived import Derived

_NOT_NEEDED = "not-needed-without-data"


def add(parser: argparse.ArgumentParser, *, preset_required: bool = True) -> None:
    """Adds the argument for the preset, and the options that replace its values.

    Args:
        parser: parser of the command.
        preset_required: whether the command needs a preset.
    """
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
    """Loads the configuration that the arguments describe.

    Raises:
        ConfigurationError: if something is wrong; the message names the place in the document and
            says what is legal there.
    """
    return load_explained(options)[0]


def load_explained(options: argparse.Namespace) -> tuple[PipelineConfig, list[Derived]]:
    """Does the same as `load`, and also returns what was derived and from what."""
    return _load(options, {})


def load_without_data(options: argparse.Namespace) -> PipelineConfig:
    """Loads the configuration for a command that reads no data.

    Unlike `load`, this does not require the folders of the data and of the output, unless the
    labels are left out, which only the data can tell. The vocabulary may be left out, too; the size
    of the network then has to come from `model.n_token`.
    """
    with contextlib.suppress(ValueError, OSError):
        return load(options)
    from pipeline import preset_loader

    given = {override.partition("=")[0] for override in options.overrides}
    folders = preset_loader.named_values(data=_NOT_NEEDED, output=_NOT_NEEDED)
    folders = {key: value for key, value in folders.items() if key not in given}
    try:
        # Try to keep the configured vocabulary, because it determines the number of pieces.
        return _load(options, folders)[0]
    except ValueError:
        if any(key.startswith("vocabulary.") for key in given):
            raise
    return _load(options, folders | preset_loader.named_values(vocabulary=_NOT_NEEDED))[0]


def _load(
    options: argparse.Namespace, placeholders: Mapping[str, Any]
) -> tuple[PipelineConfig, list[Derived]]:
    """Loads the configuration, with placeholders by dotted key for settings that have no value."""
    # This imports all kinds, which takes a second, so `--help` must not do it.
    from pipeline import preset_loader

    named = preset_loader.named_values(
        data=options.data,
        vocabulary=options.vocabulary,
        init_from=options.init_from,
        output=options.output,
    )
    values = {**placeholders, **named}
    return preset_loader.load_explained(options.preset, options.overrides, values=values)
