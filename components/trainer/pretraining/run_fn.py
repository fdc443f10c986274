"""Entry point of TFX's generic Trainer for pretraining, referred to by its dotted path."""

from __future__ import annotations

import logging
import os

from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from components import configuration, files
from components.trainer import run_options
from components.trainer.loop import TrainingResult
from components.trainer.pretraining import pretraining_export
from components.trainer.pretraining.pretrain import PretrainingConfig, pretrain

CONFIG_KEY = "pretraining"

_logger = logging.getLogger(__name__)


def run_fn(fn_args: FnArgs) -> None:
    """Pretrains on ordered records and writes the encoder's folder.

    Args:
        fn_args: of TFX; `custom_config["pretraining"]` is a `PretrainingConfig` as JSON.
    """
    config, result = run_options.train(_config(fn_args), fn_args, _train(fn_args))
    if not result.is_chief:
        return
    pretraining_export.save(
        result, config, records_dir=_records_dir(fn_args), directory=fn_args.serving_model_dir
    )
    _logger.info("encoder written to %s", fn_args.serving_model_dir)


def export_trained_elsewhere(trained_dir: str, *, records_dir: str, directory: str) -> None:
    """Ships what a training job left, without restoring its run here.

    The memory in a pretraining's checkpoints is shared out over the job's devices, so that they
    cannot be restored on this one; what pretraining ships are files.

    Args:
        trained_dir: of the job.
        records_dir: where the records' manifest and their vocabulary lie.
        directory: gets the files.
    """
    files.copy_tree(f"{trained_dir}/xlnet", directory)
    pretraining_export.describe(records_dir, directory)


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Searches for settings; arguments as for `run_fn`."""
    return run_options.tuner(_config(fn_args), fn_args, _train(fn_args))


def _config(fn_args: FnArgs) -> PretrainingConfig:
    return configuration.from_json(
        PretrainingConfig, fn_args.custom_config[CONFIG_KEY], where=CONFIG_KEY
    )


def _records_dir(fn_args: FnArgs) -> str:
    # <artifact>/Split-train/*: the manifest lies in the artifact's root.
    return os.path.dirname(os.path.dirname(fn_args.train_files[0]))


def _train(fn_args: FnArgs) -> run_options.Train:
    def train(config: PretrainingConfig, model_dir: str, state_root: str | None) -> TrainingResult:
        return pretrain(
            config,
            records_dir=_records_dir(fn_args),
            model_dir=model_dir,
            state_root=state_root,
        )

    return train
