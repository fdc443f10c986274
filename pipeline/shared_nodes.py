"""Components that pipelines of every kind have."""

from __future__ import annotations

import types as python_types
from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx import v1 as tfx

from components import configuration
from pipeline.config import PipelineConfig


def trainer(
    config: PipelineConfig,
    *,
    run_fn_module: python_types.ModuleType,
    run_config: object,
    examples: types.BaseChannel,
    **channels: types.BaseChannel,
) -> tfx.components.Trainer:
    """TFX's Trainer.

    Args:
        config: of the pipeline.
        run_fn_module: with `run_fn`, and the key of its configuration.
        run_config: dataclass that `run_fn` reads.
        examples: records of the splits "train" and "eval".
        channels: further inputs of the Trainer by name.
    """
    return tfx.components.Trainer(
        run_fn=f"{run_fn_module.__name__}.{run_fn_module.run_fn.__name__}",
        examples=examples,
        train_args=tfx.proto.TrainArgs(splits=["train"], num_steps=config.training.train_steps),
        eval_args=tfx.proto.EvalArgs(splits=["eval"]),
        custom_config={run_fn_module.CONFIG_KEY: configuration.to_json(run_config)},
        **channels,
    )


def pusher(
    config: PipelineConfig, *, model: types.BaseChannel, blessing: types.BaseChannel
) -> tfx.components.Pusher:
    """Ships the model, if it is blessed, as a numbered version."""
    return tfx.components.Pusher(
        model=model,
        model_blessing=blessing,
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=config.run.serving_dir)
        ),
    )


def lineage(config: PipelineConfig) -> Mapping[str, Any]:
    """What a report lists under "made from"."""
    return {
        "configuration": configuration.to_json(config),
        "vocabulary": config.vocabulary.model or f"trained, {config.vocabulary.size} pieces",
    }
