"""`python -m components.evaluator`: a model and data to scores, a report and a blessing."""

from __future__ import annotations

import argparse

from components import standalone

_MODELS = {
    "model": "folder that a Trainer wrote, with Format-Serving/ in it",
    "baseline_model?": "such a folder of the model to compare with",
    "model_run?": "folder with the training's curves, for the report",
}
_OUTPUTS = {
    "evaluation": "gets report.html and results.json",
    "blessing": "gets BLESSED or NOT_BLESSED",
}


def _add_task(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--metrics", nargs="+", required=True, help="to measure, as accuracy")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument(
        "--labels", nargs="+", metavar="LABEL", help="of the task, in the order of their ids"
    )
    task.add_argument("--regression", action="store_true", help="labels are numbers")


def _run_classification(options: argparse.Namespace) -> None:
    config = standalone.read_config(options)
    from components.evaluator.component import Evaluator

    component = Evaluator(
        examples=standalone.channel("Examples"),
        **_channels(options),
        config=config,
        metric_names=options.metrics,
        labels=options.labels,
        title="Evaluation",
        lineage={},
        records=standalone.channel("Examples") if options.records else None,
    )
    _execute(component, options, examples=options.examples, records=options.records)


def _add_decoding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--n-best-size", type=int, default=5, help="answers per question")
    parser.add_argument("--max-answer-length", type=int, default=64, help="in pieces")
    parser.add_argument("--batch-size", type=int, default=64, help="windows per call of the model")


def _run_question_answering(options: argparse.Namespace) -> None:
    config = standalone.read_config(options)
    from components.evaluator.question_answering_component import QuestionAnsweringEvaluator
    from components.span_decoding.decoder import DecodingConfig

    component = QuestionAnsweringEvaluator(
        records=standalone.channel("Examples"),
        **_channels(options),
        config=config,
        decoding=DecodingConfig(
            n_best_size=options.n_best_size, max_answer_length=options.max_answer_length
        ),
        batch_size=options.batch_size,
        title="Evaluation",
        lineage={},
    )
    _execute(component, options, records=options.records)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run-config", required=True, metavar="FILE", help="--config of the model's training"
    )


def _run_pretraining(options: argparse.Namespace) -> None:
    config = standalone.read_config(options)
    training = argparse.Namespace(config=options.run_config)
    run = standalone.read_config(training, "components.trainer.pretraining.PretrainingConfig")
    from components.evaluator.pretraining_component import PretrainingEvaluator

    component = PretrainingEvaluator(
        records=standalone.channel("Examples"),
        **_channels(options),
        config=config,
        pretraining=run,
        title="Evaluation",
        lineage={},
    )
    _execute(component, options, records=options.records)


def _channels(options: argparse.Namespace) -> dict:
    return {
        "model": standalone.channel("Model"),
        "model_run": standalone.channel("ModelRun") if options.model_run else None,
        "baseline_model": standalone.channel("Model") if options.baseline_model else None,
    }


def _execute(component, options: argparse.Namespace, **data: str | None) -> None:
    standalone.execute(
        component,
        inputs={
            **data,
            "model": options.model,
            "model_run": options.model_run,
            "baseline_model": options.baseline_model,
        },
        outputs={"evaluation": options.evaluation, "blessing": options.blessing},
        beam_args=options.beam_args,
    )


COMMANDS = {
    "classification": standalone.Command(
        "classification or regression on raw examples",
        _run_classification,
        {
            "examples": "folder that components.example_gen text wrote",
            "records?": "what components.preprocessing.classification made of it, for the report",
            **_MODELS,
        },
        _OUTPUTS,
        "components.evaluator.config.EvaluationConfig",
        _add_task,
    ),
    "question_answering": standalone.Command(
        "question answering on records",
        _run_question_answering,
        {"records": "folder that components.preprocessing.question_answering wrote", **_MODELS},
        _OUTPUTS,
        "components.evaluator.question_answering_config.QuestionAnsweringEvaluationConfig",
        _add_decoding,
    ),
    "pretraining": standalone.Command(
        "pretraining on held-out records",
        _run_pretraining,
        {"records": "folder that components.preprocessing.pretraining wrote", **_MODELS},
        _OUTPUTS,
        "components.evaluator.pretraining_config.PretrainingEvaluationConfig",
        _add_run,
    ),
}

if __name__ == "__main__":
    standalone.run_and_exit("components.evaluator", COMMANDS)
