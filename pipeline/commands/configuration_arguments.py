"""The arguments that all commands share that read a configuration."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.config import PipelineConfig
    from pipeline.derived import Derived

# Ways to give the settings that presets leave to their users; a section that is missing as a whole
# has an entry, too. Most presets set model.n_token, which would contradict the size of a vocabulary
# to be trained.
_HOW_TO_GIVE = {
    "data.root": "--data FOLDER (or --set data.root=FOLDER)",
    "vocabulary": "--vocabulary FILE, or --set vocabulary.size=8000 model.n_token=null to train "
    "one",
    "run": "--output FOLDER",
    "run.output_root": "--output FOLDER (or --set run.output_root=FOLDER)",
}
_HOW_TO_GIVE["vocabulary.model"] = _HOW_TO_GIVE["vocabulary"]


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
        help="values that replace the preset's, such as training.train_steps=100; a mapping is "
        "merged into the one there",
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
    return load_incomplete(options)[0]


def load_incomplete(
    options: argparse.Namespace,
) -> tuple[PipelineConfig, list[Derived], dict[str, str]]:
    """Does the same as `load_explained`, with placeholders where a run needs values to be given.

    Returns:
        The configuration; what was derived; and the placeholders by dotted key, which are empty if
        the configuration is complete.
    """
    from pipeline import preset_loader

    missing = preset_loader.lacking(options.preset, options.overrides, values=_named(options))
    placeholders = {key: f"{key}-is-not-given" for key in missing}
    return (*_load(options, placeholders), placeholders)


def how_to_give(settings: Sequence[str]) -> str:
    """Says how settings without a value can be given, as the end of a sentence.

    Args:
        settings: their dotted keys.
    """
    known = [f"give {_HOW_TO_GIVE[key]}" for key in settings if key in _HOW_TO_GIVE]
    others = [key for key in settings if key not in _HOW_TO_GIVE]
    if others:
        them = "it" if len(others) == 1 else "them"
        known.append(f"add {them} to the file or pass --set {others[0]}=VALUE")
    return "; ".join(known)


def _load(
    options: argparse.Namespace, placeholders: Mapping[str, Any]
) -> tuple[PipelineConfig, list[Derived]]:
    """Loads the configuration, with placeholders by dotted key for settings that have no value."""
    # This imports all kinds, which takes a second, so `--help` must not do it.
    from pipeline import preset_loader

    return preset_loader.load_explained(
        options.preset,
        options.overrides,
        values={**placeholders, **_named(options)},
        how_to_give=how_to_give,
    )


def _named(options: argparse.Namespace) -> dict[str, Any]:
    """Returns the values that were given by options of their own, by dotted key."""
    from pipeline import preset_loader

    return preset_loader.named_values(
        data=options.data,
        vocabulary=options.vocabulary,
        init_from=options.init_from,
        output=options.output,
    )
