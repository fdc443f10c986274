"""`xlnet-pipeline show`: prints the resolved configuration."""

from __future__ import annotations

import argparse

from pipeline.commands import configuration_arguments

HELP = "print the resolved configuration"
EXAMPLES = """\
  xlnet-pipeline show sample                      every setting with its value
  xlnet-pipeline show sample > mine.yaml          a complete file to start one's own from
"""

add_arguments = configuration_arguments.add


def run(options: argparse.Namespace) -> int:
    """Prints the configuration as YAML that can be loaded again; returns the exit status.

    Comments at the top say what was derived.
    """
    config, derived = configuration_arguments.load_explained(options)
    from pipeline import preset_loader

    if derived:
        print("# Not in the file, but derived:")
    for one in derived:
        print(f"#   {one.setting}: {one.value} (from {one.source})")
    print(preset_loader.to_yaml(config), end="")
    return 0
