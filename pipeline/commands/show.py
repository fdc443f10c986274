"""`xlnet-pipeline show`: prints the resolved configuration."""

from __future__ import annotations

import argparse

from pipeline.commands import configuration_arguments

HELP = "print the resolved configuration"
EXAMPLES = """\
  xlnet-pipeline show sample                      every setting with its value
  xlnet-pipeline show sample --commented > mine.yaml
                                                  a file to start one's own from, explained
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the configuration and the form."""
    configuration_arguments.add(parser)
    parser.add_argument(
        "--commented", action="store_true", help="explain every setting in a comment"
    )


def run(options: argparse.Namespace) -> int:
    """Prints the configuration as YAML that can be loaded again; returns the exit status.

    Comments at the top say what was derived.
    """
    config, derived = configuration_arguments.load_explained(options)
    from pipeline import commented_yaml, preset_loader

    if derived:
        print("# Not in the file, but derived:")
    for one in derived:
        print(f"#   {one.setting}: {one.value} (from {one.source})")
    if options.commented:
        header = (
            f"Every setting of {options.preset}, with its value. Settings that should stay as they "
            "are can be\nleft out: extends: [base, sizes/small] then gives what is not named here."
        )
        print(commented_yaml.write(config, header=header), end="")
    else:
        print(preset_loader.to_yaml(config), end="")
    return 0
