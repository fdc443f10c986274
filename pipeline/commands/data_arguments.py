"""The arguments of the commands that look at data before there is a configuration."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.first_look.choice import Choice
    from pipeline.first_look.source import Source
    from pipeline.first_look.table import TableFindings


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the path of the data, and the options that say how a table should be read."""
    parser.add_argument(
        "data", help="table (.csv, .tsv, .jsonl), folder per label, SQuAD file, or running text"
    )
    parser.add_argument(
        "--eval",
        metavar="DATA",
        help="data of the same form to evaluate on; without it, a part is set aside",
    )
    parser.add_argument(
        "--text",
        help="column of the texts; A,B reads two as a pair, A+B joins columns to one text",
    )
    parser.add_argument("--label", help="column of the labels or numbers")
    parser.add_argument(
        "--task",
        choices=("classification", "regression"),
        help="whether a column of numbers holds classes or quantities",
    )
    add_header(parser)
    # The same number as in `pipeline.first_look.table`, which would be slow to import here.
    parser.add_argument(
        "--rows",
        type=_positive,
        default=100_000,
        help="how many rows, questions or documents to look at, at most (%(default)s)",
    )


def add_header(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says whether the first row of a table names its columns."""
    parser.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether the first row names the columns (found out by default)",
    )


def choose(
    findings: TableFindings, options: argparse.Namespace, *, evaluation: Source | None = None
) -> Choice:
    """Chooses the columns of a table. On a terminal, it asks for those that are not clear.

    Args:
        findings: what was found in the table.
        options: the options that `add` declares.
        evaluation: the table for evaluation, whose numbers widen the range of regression.

    Raises:
        UndecidedError: if the choice is not clear and cannot be asked for.
    """
    from pipeline.first_look import choice, table
    from pipeline.first_look.undecided import UndecidedError

    answers = {"--text": options.text, "--label": options.label}
    while True:
        try:
            chosen = choice.choose(
                findings,
                texts=_names(answers["--text"]),
                label=answers["--label"],
                task=options.task,
            )
            if evaluation is None or chosen.label_range is None:
                return chosen
            return choice.widen(chosen, table.look(evaluation, max_rows=options.rows))
        except UndecidedError as error:
            if error.option is None or not sys.stdin.isatty():
                raise
            print(error, file=sys.stderr)
            answer = input(f"{error.option} (nothing ends): ").strip()
            if not answer:
                raise
            answers[error.option] = answer


def texts(options: argparse.Namespace) -> list[str]:
    """Returns the columns that `--text` names."""
    return _names(options.text)


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in text.split(",")] if text else []


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a positive number")
    return value
