"""Makes a command for `python -m components.example_gen` out of any ExampleGen."""

from __future__ import annotations

import argparse
import importlib

from components import standalone


def command(help_text: str, *, component: str, settings: str) -> standalone.Command:
    """Returns a command that runs an ExampleGen.

    Args:
        help_text: one line that describes the command.
        component: dotted path of the component's class, which is imported when the command runs.
        settings: dotted path of the dataclass that the `--config` file describes.
    """

    def run(options: argparse.Namespace) -> None:
        config = standalone.read_config(options)
        module, _, name = component.rpartition(".")
        component_type = getattr(importlib.import_module(module), name)
        standalone.execute(
            component_type(options.data_root, config),
            inputs={},
            outputs={"examples": options.examples},
            beam_args=options.beam_args,
        )

    return standalone.Command(
        help_text,
        run,
        {"data_root": "folder in which the patterns of --config match"},
        {"examples": "gets the examples, a folder per split, and dead_letters/"},
        settings,
    )
