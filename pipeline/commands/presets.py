"""`xlnet-pipeline presets`: lists the names of the presets."""

from __future__ import annotations

import argparse

HELP = "list the presets"
EXAMPLES = """\
  xlnet-pipeline presets
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds no arguments; the command takes none."""
    del parser


def run(options: argparse.Namespace) -> int:
    """Prints one name per line; returns the exit status."""
    from pipeline import preset_loader

    del options
    print("\n".join(preset_loader.names()))
    return 0
