"""`xlnet-pipeline show`: prints the resolved configuration."""

from __future__ import annotations

import argparse

from pipeline.commands import configuration_arguments

HELP = "print the resolved configuration"
EXAMPLES = """\
  xlnet-pipeline show sample                      every setting with its value
  xlnet-pipeline show sample --commented > mine.yaml
                                                  a file to start your own from, explained
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the configuration and the form."""
    configuration_arguments.add(parser)
    parser.add_argument(
        "--commented", action="store_true", help="explain every setting in a comment"
    )


def run(options: argparse.Namespace) -> int:
    """Prints the configuration as YAML that can be loaded again; returns the exit status.

    Comments at the top say what was derived, and what has to be given before it can run.
    """
    config, derived, placeholders = configuration_arguments.load_incomplete(options)
    from pipeline import commented_yaml, preset_loader

    if placeholders:
        needed = " and ".join(placeholders)
        how = configuration_arguments.how_to_give(list(placeholders))
        print(f"# Not complete, because {needed} must be given. To run it, {how}.")
    # A placeholder says nothing about what would follow from the value itself.
    derived = [
        one for one in derived if not any(text in one.source for text in placeholders.values())
    ]
    if derived:
        print("# Not in the file, but derived:")
    for one in derived:
        print(f"#   {one.setting}: {one.value} (from {one.source})")
    if options.commented:
        header = (
            f"Every setting of {options.preset}, with its value. Settings that should stay as they "
            "are can be\nleft out: extends: [base, sizes/small] then gives what is not named here."
        )
        text = commented_yaml.write(config, header=header)
    else:
        text = preset_loader.to_yaml(config)
    for key, placeholder in placeholders.items():
        setting = key.rpartition(".")[2]
        text = text.replace(f"{setting}: {placeholder}\n", f"# {setting}: has to be given\n")
    print(text, end="")
    return 0
