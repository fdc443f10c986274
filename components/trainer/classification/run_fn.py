"""`run_fn` and `tuner_fn` for classification, regression and multiple choice.

TFX's Trainer and Tuner find these functions by their dotted paths.
"""

from __future__ import annotations

import dataclasses
import logging

import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from components import configuration, manifest
from components.export import input_columns, saved_model_records, text_model
from components.trainer import run_options
from components.trainer.classification.fine_tuning import FineTuningConfig, fine_tune
from components.trainer.loop import TrainingResult

CONFIG_KEY = "fine_tuning"

_logger = logging.getLogger(__name__)


def run_fn(fn_args: FnArgs) -> None:
    """Trains on transformed examples and exports the model with its Transform graph.

    Args:
        fn_args: arguments from TFX; `custom_config["fine_tuning"]` is a `FineTuningConfig` as JSON.
    """
    config, result = run_options.train(_config(fn_args), fn_args, _train(fn_args))
    if not result.is_chief:
        return
    module = text_model.TextModel(
        model=result.model,
        transform_output=tft.TFTransformOutput(fn_args.transform_output),
        labels=config.labels or None,
        seq_len=config.seq_len,
        multiple_choice=config.kind == "multiple_choice",
        replacements=config.input_columns.replacements,
    )
    text_model.save(module, fn_args.serving_model_dir)
    saved_model_records.write(
        fn_args.serving_model_dir,
        manifest.read(run_options.records_dir(fn_args)),
        names=("seq_len", "uncased", "keep_accents"),
    )
    columns = dataclasses.replace(
        config.input_columns, replaced_in_graph=True, metrics=config.metric_names
    )
    input_columns.write(fn_args.serving_model_dir, columns)
    _logger.info("SavedModel written to %s", fn_args.serving_model_dir)


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Returns the search for settings; arguments as for `run_fn`."""
    return run_options.tuner(_config(fn_args), fn_args, _train(fn_args))


def _config(fn_args: FnArgs) -> FineTuningConfig:
    return configuration.from_json(
        FineTuningConfig, fn_args.custom_config[CONFIG_KEY], where=CONFIG_KEY
    )


def _train(fn_args: FnArgs) -> run_options.Train:
    records_dir = run_options.records_dir(fn_args)

    def train(config: FineTuningConfig, model_dir: str, state_root: str | None) -> TrainingResult:
        return fine_tune(
            config,
            records_dir=records_dir,
            train_files=run_options.record_patterns(fn_args.train_files),
            eval_files=run_options.record_patterns(fn_args.eval_files),
            model_dir=model_dir,
            state_root=state_root,
        )

    return train
