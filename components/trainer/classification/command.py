"""`python -m components.trainer classification`: fine-tuning as a plain command."""

from __future__ import annotations

import argparse

from components.trainer import standalone_training

NAME = "classification"


def _run(options: argparse.Namespace) -> None:
    from components.trainer.classification.fine_tuning import fine_tune

    fine_tune(
        standalone_training.read_config(options),
        records_dir=options.records,
        train_files=standalone_training.record_files(options, "train"),
        eval_files=standalone_training.record_files(options, "eval"),
        model_dir=options.model_dir,
        state_root=options.state_root,
    )


COMMAND = standalone_training.command(
    "fine-tune for classification or regression",
    _run,
    "components.trainer.classification.fine_tuning.FineTuningConfig",
)
