"""`python -m components.trainer pretraining`: pretraining as a plain command."""

from __future__ import annotations

import argparse

from components.trainer import standalone_training

NAME = "pretraining"


def _run(options: argparse.Namespace) -> None:
    from components.trainer.pretraining.pretrain import pretrain

    pretrain(
        standalone_training.read_config(options),
        records_dir=options.records,
        model_dir=options.model_dir,
        state_root=options.state_root,
    )


COMMAND = standalone_training.command(
    "pretrain", _run, "components.trainer.pretraining.pretrain.PretrainingConfig"
)
