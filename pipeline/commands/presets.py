"""`xlnet-pipeline presets`: names of the presets."""

from __future__ import annotations

import argparse

HELP = "list the presets"
EXAMPLES = """\
  xlnet-pipeline presets
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""
    del parser


def run(options: argparse.Namespace) -> int:
    """Prints a name per line."""
    from pipeline import preset_loader

    del options
    print("\n".join(preset_loader.names()))
    return 0
