"""`run_fn` and `tuner_fn` for pretraining.

TFX's Trainer and Tuner find these functions by their dotted paths.
"""

from __future__ import annotations

import logging

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
    """Pretrains on ordered records and writes the folder from which fine-tuning can start.

    Args:
        fn_args: arguments from TFX; `custom_config["pretraining"]` is a `PretrainingConfig` as
            JSON.
    """
    config, result = run_options.train(_config(fn_args), fn_args, _train(fn_args))
    if not result.is_chief:
        return
    pretraining_export.save(
        result,
        config,
        records_dir=run_options.records_dir(fn_args),
        directory=fn_args.serving_model_dir,
    )
    _logger.info("encoder written to %s", fn_args.serving_model_dir)


def export_trained_elsewhere(trained_dir: str, *, records_dir: str, directory: str) -> None:
    """Exports the result of a training job without restoring its run in this process.

    The checkpoints of pretraining hold memory that is split over the job's devices, so they cannot
    be restored on this machine's. That is not necessary either, because the export only copies
    files.

    Args:
        trained_dir: folder with the results of the job.
        records_dir: folder with the manifest and the vocabulary of the records.
        directory: folder to write to.
    """
    files.copy_tree(f"{trained_dir}/xlnet", directory)
    pretraining_export.describe(records_dir, directory)


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Returns the search for settings; arguments as for `run_fn`."""
    return run_options.tuner(_config(fn_args), fn_args, _train(fn_args))


def _config(fn_args: FnArgs) -> PretrainingConfig:
    return configuration.from_json(
        PretrainingConfig, fn_args.custom_config[CONFIG_KEY], where=CONFIG_KEY
    )


def _train(fn_args: FnArgs) -> run_options.Train:
    def train(config: PretrainingConfig, model_dir: str, state_root: str | None) -> TrainingResult:
        return pretrain(
            config,
            records_dir=run_options.records_dir(fn_args),
            model_dir=model_dir,
            state_root=state_root,
        )

    return train
