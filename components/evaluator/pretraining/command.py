"""`python -m components.evaluator pretraining`: runs PretrainingEvaluator as a plain command."""

from __future__ import annotations

import argparse

from components import standalone
from components.evaluator import standalone_evaluation

NAME = "pretraining"


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run-config", required=True, metavar="FILE", help="--config of the model's training"
    )


def _run(options: argparse.Namespace) -> None:
    config = standalone.read_config(options)
    training = argparse.Namespace(config=options.run_config)
    run = standalone.read_config(
        training, "components.trainer.pretraining.pretrain.PretrainingConfig"
    )
    from components.evaluator.pretraining.component import PretrainingEvaluator

    component = PretrainingEvaluator(
        records=standalone.channel("Examples"),
        **standalone_evaluation.channels(options),
        config=config,
        pretraining=run,
        title="Evaluation",
        lineage={},
    )
    standalone_evaluation.execute(component, options, records=options.records)


COMMAND = standalone.Command(
    "pretraining on held-out records",
    _run,
    {
        "records": "folder that components.preprocessing.pretraining wrote",
        **standalone_evaluation.MODELS,
    },
    standalone_evaluation.OUTPUTS,
    "components.evaluator.pretraining.config.PretrainingEvaluationConfig",
    _add_run,
)
