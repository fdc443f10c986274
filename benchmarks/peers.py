"""The option with which benchmarks take their peers, each with the interpreter that has it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def add_option(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """Adds `--peer NAME=PYTHON`, which may be repeated."""
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help=f"one of {', '.join(names)} and the interpreter that has it",
    )


def interpreters(
    parser: argparse.ArgumentParser, given: Sequence[str], names: Sequence[str]
) -> dict[str, str]:
    """Returns the interpreter of each peer; ends the command if a value is not as it should be.

    Args:
        parser: parser of the command.
        given: values of the option.
        names: names that a peer can have.
    """
    found = {}
    for peer in given:
        name, _, python = peer.partition("=")
        if name not in names or not python:
            parser.error(f"--peer {peer!r} should be NAME=PYTHON with a name of {', '.join(names)}")
        found[name] = python
    return found
