"""The `xlnet-pipeline` command: parses arguments, calls a subcommand, and reports its errors.

Each subcommand is a module in `pipeline/commands/`.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from components import __version__, interruption, plain_errors
from components.checkpoint_conversion import command as convert_command
from pipeline import console
from pipeline.commands import compile as compile_command
from pipeline.commands import (
    completion,
    doctor,
    estimate,
    evaluate,
    init,
    inspect,
    predict,
    preflight,
    presets,
    run,
    runs,
    serve,
    show,
    submit,
)

_COMMANDS = {
    "inspect": inspect,
    "init": init,
    "run": run,
    "runs": runs,
    "show": show,
    "presets": presets,
    "estimate": estimate,
    "preflight": preflight,
    "compile": compile_command,
    "submit": submit,
    "convert": convert_command,
    "evaluate": evaluate,
    "predict": predict,
    "serve": serve,
    "doctor": doctor,
    "completion": completion,
}


def run_and_exit() -> None:
    """Runs the command and ends the process; this is the entry point of the installed script."""
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Skip the interpreter's normal shutdown, in which destructors of TensorFlow functions raise.
    os._exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: command line without the program's name; None takes it from `sys.argv`.

    Returns:
        The exit status of the process.
    """
    parser = make_parser()
    options = parser.parse_args(arguments)
    # `completion` needs the whole parser to print its script.
    options.parser = parser
    console.set_up(verbose=options.verbose)
    try:
        return options.function(options)
    except (ValueError, OSError, RuntimeError) as error:
        if options.verbose:
            raise
        print(f"error: {plain_errors.message(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        how = str(error) or "The same command goes on from what is complete."
        print(f"interrupted: {how}", file=sys.stderr)
        return interruption.EXIT_STATUS


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser for all commands, without importing anything slow such as TensorFlow."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="xlnet-pipeline",
        description="XLNet from raw text, GLUE or SQuAD to an evaluated, served model.",
        epilog="examples:\n" + "".join(command.EXAMPLES for command in _COMMANDS.values()),
        formatter_class=formatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in _COMMANDS.items():
        subparser = commands.add_parser(
            name,
            help=command.HELP,
            description=command.HELP,
            epilog=f"examples:\n{command.EXAMPLES}",
            formatter_class=formatter,
        )
        command.add_arguments(subparser)
        subparser.add_argument(
            "--verbose", action="store_true", help="show what the libraries say, and tracebacks"
        )
        subparser.set_defaults(function=command.run)
    return parser


if __name__ == "__main__":
    run_and_exit()
