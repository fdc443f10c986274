"""`xlnet-pipeline completion`: prints a script for completing commands and options in a shell."""

from __future__ import annotations

import argparse

HELP = "print a script that completes this command in a shell"
EXAMPLES = """\
  xlnet-pipeline completion bash > ~/.local/share/bash-completion/completions/xlnet-pipeline
  xlnet-pipeline completion zsh > ~/.zfunc/_xlnet-pipeline
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the argument that chooses the shell."""
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="for which shell")


def run(options: argparse.Namespace) -> int:
    """Prints the script; returns the exit status."""
    import shtab

    print(shtab.complete(options.parser, shell=options.shell))
    return 0
