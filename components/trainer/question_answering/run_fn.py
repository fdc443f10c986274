"""`run_fn` and `tuner_fn` for question answering.

TFX's Trainer and Tuner find these functions by their dotted paths.
"""

from __future__ import annotations

import logging

from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from components import configuration, manifest
from components.export import saved_model_records, span_model
from components.preprocessing import vocabulary_file
from components.preprocessing.question_answering import paragraph_files
from components.trainer import run_options
from components.trainer.loop import TrainingResult
from components.trainer.question_answering.fine_tuning import (
    QuestionAnsweringFineTuningConfig,
    fine_tune,
)

CONFIG_KEY = "fine_tuning"

_EVALUATION_SPLIT = "eval"

_logger = logging.getLogger(__name__)


def run_fn(fn_args: FnArgs) -> None:
    """Trains on question answering records and exports the model.

    Args:
        fn_args: arguments from TFX; `custom_config["fine_tuning"]` is a
            `QuestionAnsweringFineTuningConfig` as JSON.
    """
    config, result = run_options.train(_config(fn_args), fn_args, _train(fn_args))
    if not result.is_chief:
        return
    records_dir = run_options.records_dir(fn_args)
    made = manifest.read(records_dir)
    module = span_model.SpanModel(
        model=result.model,
        vocabulary=vocabulary_file.read(records_dir),
        uncased=config.uncased,
        keep_accents=config.keep_accents,
        windows=config.windows,
        decoding=config.decoding,
    )
    span_model.save(module, fn_args.serving_model_dir)
    saved_model_records.write(
        fn_args.serving_model_dir, made, names=("max_seq_length", "uncased", "keep_accents")
    )
    _logger.info("SavedModel written to %s", fn_args.serving_model_dir)


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Returns the search for settings; arguments as for `run_fn`."""
    return run_options.tuner(_config(fn_args), fn_args, _train(fn_args))


def _config(fn_args: FnArgs) -> QuestionAnsweringFineTuningConfig:
    return configuration.from_json(
        QuestionAnsweringFineTuningConfig, fn_args.custom_config[CONFIG_KEY], where=CONFIG_KEY
    )


def _train(fn_args: FnArgs) -> run_options.Train:
    records_dir = run_options.records_dir(fn_args)

    def train(
        config: QuestionAnsweringFineTuningConfig, model_dir: str, state_root: str | None
    ) -> TrainingResult:
        return fine_tune(
            config,
            records_dir=records_dir,
            train_files=run_options.record_patterns(fn_args.train_files),
            eval_files=run_options.record_patterns(fn_args.eval_files),
            paragraph_files=[paragraph_files.pattern(records_dir, _EVALUATION_SPLIT)],
            model_dir=model_dir,
            state_root=state_root,
        )

    return train
