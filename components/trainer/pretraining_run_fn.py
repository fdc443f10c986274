"""Entry point of TFX's generic Trainer for pretraining, referred to by its dotted path."""

from __future__ import annotations

import logging
import os

from tfx import v1 as tfx

from components import configuration
from components.trainer import pretraining_export
from components.trainer.pretraining import PretrainingConfig, pretrain

CONFIG_KEY = "pretraining"

_logger = logging.getLogger(__name__)


def run_fn(fn_args: tfx.components.FnArgs) -> None:
    """Pretrains on ordered records and writes the encoder's folder.

    Args:
        fn_args: of TFX; `custom_config["pretraining"]` is a `PretrainingConfig` as JSON.
    """
    config = configuration.from_json(
        PretrainingConfig, fn_args.custom_config[CONFIG_KEY], where=CONFIG_KEY
    )
    # <artifact>/Split-train/*: the manifest lies in the artifact's root.
    records_dir = os.path.dirname(os.path.dirname(fn_args.train_files[0]))
    result = pretrain(config, records_dir=records_dir, model_dir=fn_args.model_run_dir)
    pretraining_export.save(
        result, config, records_dir=records_dir, directory=fn_args.serving_model_dir
    )
    _logger.info("encoder written to %s", fn_args.serving_model_dir)
