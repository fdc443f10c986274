"""`python -m components.trainer`: records to checkpoints and weights. Imports no TFX.

It is a Vertex job's command, on a TPU or GPUs. Started again, it goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import dataclasses

from components import standalone

STRATEGIES = ("one_device", "mirrored", "multi_worker", "tpu")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--strategy", choices=STRATEGIES, help="takes the place of training.strategy"
    )
    parser.add_argument(
        "--state-root",
        metavar="PATH",
        help="folder of the checkpoints of all runs, a folder each; default: --model-dir",
    )


def _config(options: argparse.Namespace):
    config = standalone.read_config(options)
    if options.strategy is None:
        return config
    training = dataclasses.replace(config.training, strategy=options.strategy)
    return dataclasses.replace(config, training=training)


def _files(options: argparse.Namespace, split: str) -> list[str]:
    from components import files

    known = files.split_names(options.records)
    return [files.all_in(files.join(options.records, f"Split-{split}"))] if split in known else []


def _run_classification(options: argparse.Namespace) -> None:
    from components.trainer.fine_tuning import fine_tune

    fine_tune(
        _config(options),
        records_dir=options.records,
        train_files=_files(options, "train"),
        eval_files=_files(options, "eval"),
        model_dir=options.model_dir,
        state_root=options.state_root,
    )


def _run_question_answering(options: argparse.Namespace) -> None:
    from components.preprocessing.question_answering import paragraph_files
    from components.trainer.question_answering_fine_tuning import fine_tune

    fine_tune(
        _config(options),
        records_dir=options.records,
        train_files=_files(options, "train"),
        eval_files=_files(options, "eval"),
        paragraph_files=[paragraph_files.pattern(options.records, "eval")],
        model_dir=options.model_dir,
        state_root=options.state_root,
    )


def _run_pretraining(options: argparse.Namespace) -> None:
    from components.trainer.pretraining import pretrain

    pretrain(
        _config(options),
        records_dir=options.records,
        model_dir=options.model_dir,
        state_root=options.state_root,
    )


def _command(help_text: str, run, config: str) -> standalone.Command:
    return standalone.Command(
        help_text,
        run,
        {"records": "folder of records, with their manifest"},
        {"model_dir": "gets checkpoints, curves, and the weights under xlnet/"},
        config,
        _add_arguments,
    )


COMMANDS = {
    "classification": _command(
        "fine-tune for classification or regression",
        _run_classification,
        "components.trainer.fine_tuning.FineTuningConfig",
    ),
    "question_answering": _command(
        "fine-tune for question answering",
        _run_question_answering,
        "components.trainer.question_answering_fine_tuning.QuestionAnsweringFineTuningConfig",
    ),
    "pretraining": _command(
        "pretrain", _run_pretraining, "components.trainer.pretraining.PretrainingConfig"
    ),
}

if __name__ == "__main__":
    standalone.run_and_exit("components.trainer", COMMANDS)
