"""`python -m components.evaluator classification`: runs the Evaluator as a plain command."""

from __future__ import annotations

import argparse

from components import metric_names, standalone
from components.evaluator import standalone_evaluation

NAME = "classification"


def _add_task(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--metrics", nargs="+", required=True, help="to measure, as accuracy")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument(
        "--labels", nargs="+", metavar="LABEL", help="of the task, in the order of their ids"
    )
    task.add_argument("--regression", action="store_true", help="labels are numbers")


def _run(options: argparse.Namespace) -> None:
    config = standalone.read_config(options)
    from components.evaluator.classification.component import Evaluator

    component = Evaluator(
        examples=standalone.channel("Examples"),
        **standalone_evaluation.channels(options),
        config=config,
        metrics=options.metrics,
        metrics_beside=() if options.regression else metric_names.SHOWN_BESIDE,
        labels=options.labels,
        title="Evaluation",
        lineage={},
        records=standalone.channel("Examples") if options.records else None,
    )
    standalone_evaluation.execute(
        component, options, examples=options.examples, records=options.records
    )


COMMAND = standalone.Command(
    "classification or regression on raw examples",
    _run,
    {
        "examples": "folder that components.example_gen text wrote",
        "records?": "what components.preprocessing.classification made of it, for the report",
        **standalone_evaluation.MODELS,
    },
    standalone_evaluation.OUTPUTS,
    "components.evaluator.config.EvaluationConfig",
    _add_task,
)
