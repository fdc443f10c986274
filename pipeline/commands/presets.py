"""`xlnet-pipeline presets`: lists the presets, and what each is for."""

from __future__ import annotations

import argparse

HELP = "list the presets: task, data, size, device and time"
EXAMPLES = """\
  xlnet-pipeline presets
  xlnet-pipeline presets --names                  for scripts
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the option for a plain list."""
    parser.add_argument("--names", action="store_true", help="only the names, one on each line")


def run(options: argparse.Namespace) -> int:
    """Prints one preset per line; returns the exit status."""
    from pipeline import preset_list, preset_loader

    print("\n".join(preset_loader.names() if options.names else preset_list.table()))
    return 0
