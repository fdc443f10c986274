"""`python -m components.trainer question_answering`: fine-tuning as a plain command."""

from __future__ import annotations

import argparse

from components.trainer import standalone_training

NAME = "question_answering"


def _run(options: argparse.Namespace) -> None:
    from components.preprocessing.question_answering import paragraph_files
    from components.trainer.question_answering.fine_tuning import fine_tune

    fine_tune(
        standalone_training.read_config(options),
        records_dir=options.records,
        train_files=standalone_training.record_files(options, "train"),
        eval_files=standalone_training.record_files(options, "eval"),
        paragraph_files=[paragraph_files.pattern(options.records, "eval")],
        model_dir=options.model_dir,
        state_root=options.state_root,
    )


COMMAND = standalone_training.command(
    "fine-tune for question answering",
    _run,
    "components.trainer.question_answering.fine_tuning.QuestionAnsweringFineTuningConfig",
)
