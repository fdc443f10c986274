"""The arguments of the commands that look at data before there is a configuration."""

from __future__ import annotations

import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the path of the data, and the options that say how a table should be read."""
    parser.add_argument(
        "data", help="table (.csv, .tsv, .jsonl), folder per label, SQuAD file, or running text"
    )
    parser.add_argument("--text", help="column of the texts, or two with a comma between them")
    parser.add_argument("--label", help="column of the labels or numbers")
    parser.add_argument(
        "--task",
        choices=("classification", "regression"),
        help="whether a column of numbers holds classes or quantities",
    )
    parser.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether the first row names the columns (found out by default)",
    )
    # The same number as in `pipeline.first_look.table`, which would be slow to import here.
    parser.add_argument(
        "--rows",
        type=_positive,
        default=100_000,
        help="how many rows, questions or documents to look at, at most (%(default)s)",
    )


def texts(options: argparse.Namespace) -> list[str]:
    """Returns the columns that `--text` names."""
    return [name.strip() for name in options.text.split(",")] if options.text else []


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a positive number")
    return value
