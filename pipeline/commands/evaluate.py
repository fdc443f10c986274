"""`xlnet-pipeline evaluate`: judges a pushed model on new data, or scores files of predictions."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from pipeline.commands import data_arguments

HELP = "judge a pushed model on new labelled data, or score predictions"
EXAMPLES = """\
  xlnet-pipeline evaluate runs/tickets/serving new_tickets.csv     metrics and a report
  xlnet-pipeline evaluate runs/tickets/serving other.csv --text message --label group
  xlnet-pipeline evaluate squad --dataset dev-v2.0.json --predictions predictions.json \\
      --null-odds null_odds.json                  exact match, F1, and the best thresholds
"""

# Instead of a model: predictions of any system for a SQuAD file.
_SQUAD = "squad"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for a model and its data, and those for files with predictions."""
    parser.add_argument(
        "model",
        help=f'output of a run, folder that it pushed to, or one SavedModel; or "{_SQUAD}", to '
        "score predictions of any system with the official script's rules",
    )
    parser.add_argument(
        "data",
        nargs="?",
        help="labelled table, folder per label, RACE folder, or SQuAD file",
    )
    parser.add_argument(
        "--text", help="column of the texts, or two with a comma (by default those of the training)"
    )
    parser.add_argument("--label", help="column of the labels (by default that of the training)")
    data_arguments.add_header(parser)
    parser.add_argument(
        "--output", help="folder for the report (by default evaluations/NAME-OF-THE-DATA)"
    )
    parser.add_argument(
        "--batch-size", type=int, default=32, help="rows at a time (default %(default)s)"
    )
    squad = parser.add_argument_group(f"with {_SQUAD} instead of a model")
    squad.add_argument("--dataset", help="SQuAD file, JSON or JSON lines")
    squad.add_argument("--predictions", help='JSON object: answers by question id, "" for none')
    squad.add_argument(
        "--null-odds",
        help="JSON object: numbers by question id, the larger the less answerable; adds the best "
        "thresholds and the areas under the precision–recall curves",
    )
    squad.add_argument("--slices", action="store_true", help="adds scores of parts of the data")


def run(options: argparse.Namespace) -> int:
    """Prints what was measured; returns the exit status."""
    if options.model == _SQUAD and options.data is None:
        if options.text or options.label or options.output or options.header is not None:
            raise ValueError(
                f"evaluate {_SQUAD} prints the scores of predictions; --text, --label, --header, "
                "--no-header and --output judge a model. Leave them out."
            )
        print(json.dumps(_squad(options), indent=2))
        return 0
    if options.data is None:
        raise ValueError("Give the labelled data to judge the model on, such as new_tickets.csv.")
    if options.dataset or options.predictions or options.null_odds or options.slices:
        raise ValueError(
            "--dataset, --predictions, --null-odds and --slices score files of predictions "
            f"(xlnet-pipeline evaluate {_SQUAD} …); leave them out to judge a model."
        )
    if options.batch_size < 1:
        raise ValueError(f"--batch-size must be at least 1, not {options.batch_size}.")
    from pipeline import evaluation, pushed_folder, result_lines
    from pipeline.first_configuration import yaml_text

    directory = options.output or os.path.join("evaluations", yaml_text.name_of(options.data))
    judged = evaluation.evaluate(
        pushed_folder.of(options.model),
        options.data,
        directory=directory,
        texts=data_arguments.texts(options),
        label=options.label,
        header=options.header,
        batch_size=options.batch_size,
    )
    for line in (
        *result_lines.metrics(judged.results["metrics"]),
        *result_lines.classes(judged.results.get("classes", {})),
    ):
        print(line)
    if judged.results["data"]:
        print(f"{'data':24} {judged.results['data']}")
    print(f"{'report':24} {judged.report}")
    return 0


def _squad(options: argparse.Namespace) -> dict[str, Any]:
    if not options.dataset or not options.predictions:
        raise ValueError(
            f"evaluate {_SQUAD} scores predictions and needs --dataset and --predictions; to judge "
            "a model, give its folder and a file."
        )
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
