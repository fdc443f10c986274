"""The `xlnet-pipeline` command: parses arguments, calls a subcommand, and reports its errors.

Each subcommand is a module in `pipeline/commands/`.
"""

from __future__ import annotations

import argparse
import difflib
import logging
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from components import __version__, events, interruption, plain_errors
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

_logger = logging.getLogger(__name__)

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
# How argparse begins to say that arguments are missing; their names follow.
_MISSING = "the following arguments are required: "


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
    # Only `run` has these options.
    as_json = getattr(options, "json", False)
    try:
        console.set_up(
            verbose=options.verbose,
            quiet=getattr(options, "quiet", False),
            as_json=as_json,
            log_file=getattr(options, "log_file", None),
        )
        return options.function(options)
    except (ValueError, OSError, RuntimeError) as error:
        if options.verbose:
            raise
        message = plain_errors.message(error)
        if as_json:
            events.log(_logger, "error", "%s", message, level=logging.ERROR)
        print(f"error: {message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        how = str(error) or "The same command goes on from what is complete."
        print(f"interrupted: {how}", file=sys.stderr)
        return interruption.EXIT_STATUS


class _Parser(argparse.ArgumentParser):
    """A parser that says which command to give if there is none, or a misspelled one."""

    def error(self, message: str) -> NoReturn:
        listed = ", ".join(_COMMANDS)
        if match := re.match(r"argument COMMAND: invalid choice: '(.*?)'", message):
            hint = _did_you_mean(match[1], _COMMANDS)
            message = f"there is no command {match[1]!r}.{hint} The commands are: {listed}."
        elif message == f"{_MISSING}COMMAND":
            message = (
                f"give a command: {listed}. `{self.prog} run sample` is a good start; "
                f"`{self.prog} --help` explains all of them."
            )
        super().error(message)


class _CommandParser(argparse.ArgumentParser):
    """The parser of one command, which says what its missing arguments are for."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuses unknown arguments here: the main parser would do it under its own usage."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            hint = _did_you_mean(unknown[0].partition("=")[0], self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(unknown)}.{hint}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        if message.startswith(_MISSING):
            missing = message.removeprefix(_MISSING).split(", ")
            message = "; ".join(
                f"give {(*action.option_strings, action.dest)[0]}: {action.help}"
                for action in self._actions
                if {*action.option_strings, action.dest} & {*missing}
            )
        super().error(message)


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser for all commands, without importing anything slow such as TensorFlow."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="xlnet-pipeline",
        description="XLNet from raw text, GLUE or SQuAD to an evaluated, served model.",
        epilog="examples:\n" + "".join(command.EXAMPLES for command in _COMMANDS.values()),
        formatter_class=formatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_CommandParser)
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
