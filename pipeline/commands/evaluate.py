"""`xlnet-pipeline evaluate`: scores files with predictions, whichever model made them."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

HELP = "score predictions"
EXAMPLES = """\
  xlnet-pipeline evaluate squad --dataset dev-v2.0.json --predictions predictions.json \\
      --null-odds null_odds.json                  exact match, F1, and the best thresholds
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds one subcommand for each kind of data set, with options for its files."""
    kinds = parser.add_subparsers(required=True, metavar="KIND")
    squad = kinds.add_parser("squad", help="SQuAD 1.1 and 2.0, as the official script scores them")
    squad.add_argument("--dataset", required=True, help="SQuAD file, JSON or JSON lines")
    squad.add_argument(
        "--predictions", required=True, help='JSON object: answers by question id, "" for none'
    )
    squad.add_argument(
        "--null-odds",
        help="JSON object: numbers by question id, the larger the less answerable; adds the best "
        "thresholds and the precision–recall curves",
    )
    squad.add_argument("--slices", action="store_true", help="adds scores of parts of the data")
    squad.set_defaults(evaluate=_squad)


def run(options: argparse.Namespace) -> int:
    """Prints the scores as JSON; returns the exit status."""
    print(json.dumps(options.evaluate(options), indent=2))
    return 0


def _squad(options: argparse.Namespace) -> dict[str, Any]:
    from components.span_decoding import squad_evaluation

    evaluation = squad_evaluation.evaluate_predictions(
        squad_evaluation.read_dataset(options.dataset),
        _read_object(options.predictions),
        _read_object(options.null_odds) if options.null_odds else None,
    )
    found: dict[str, Any] = dict(evaluation.metrics())
    if options.slices:
        found["slices"] = {
            name: {value: dataclasses.asdict(means) for value, means in by_value.items()}
            for name, by_value in evaluation.slices.items()
        }
    return found


def _read_object(path: str) -> Mapping[str, Any]:
    from components import files

    try:
        content = json.loads(files.read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} should hold a JSON object with question ids as keys.")
    return content
