"""`python -m components.evaluator question_answering`: runs its evaluator as a plain command."""

from __future__ import annotations

import argparse

from components import standalone
from components.evaluator import standalone_evaluation

NAME = "question_answering"


def _add_decoding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--n-best-size", type=int, default=5, help="answers per question")
    parser.add_argument("--max-answer-length", type=int, default=64, help="in pieces")
    parser.add_argument("--batch-size", type=int, default=64, help="windows per call of the model")


def _run(options: argparse.Namespace) -> None:
    config = standalone.read_config(options)
    from components.evaluator.question_answering.component import QuestionAnsweringEvaluator
    from components.span_decoding.decoder import DecodingConfig

    component = QuestionAnsweringEvaluator(
        records=standalone.channel("Examples"),
        **standalone_evaluation.channels(options),
        config=config,
        decoding=DecodingConfig(
            n_best_size=options.n_best_size, max_answer_length=options.max_answer_length
        ),
        batch_size=options.batch_size,
        title="Evaluation",
        lineage={},
    )
    standalone_evaluation.execute(component, options, records=options.records)


COMMAND = standalone.Command(
    "question answering on records",
    _run,
    {
        "records": "folder that components.preprocessing.question_answering wrote",
        **standalone_evaluation.MODELS,
    },
    standalone_evaluation.OUTPUTS,
    "components.evaluator.question_answering.config.QuestionAnsweringEvaluationConfig",
    _add_decoding,
)
