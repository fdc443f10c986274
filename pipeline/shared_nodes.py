"""Components that pipelines of every kind have."""

from __future__ import annotations

import types as python_types
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_node
from tfx.proto import pusher_pb2, trainer_pb2

from components import configuration
from components.pusher.component import Pusher
from components.tokenization.component import SentencePieceGen
from components.trainer import repeats, run_folder, search
from components.trainer.component import Trainer
from components.trainer.tuner_component import Tuner
from pipeline.config import PipelineConfig


def vocabulary(
    config: PipelineConfig, examples: types.BaseChannel, *, text_features: Sequence[str]
) -> SentencePieceGen:
    """Brings in the SentencePiece model, or trains one.

    Args:
        config: of the pipeline.
        examples: raw ones, to train on.
        text_features: names of the features that hold their texts.
    """
    asked = config.vocabulary
    return SentencePieceGen(
        examples=None if asked.model else examples,
        model_path=asked.model,
        vocabulary_size=asked.size,
        uncased=asked.uncased,
        keep_accents=asked.keep_accents,
        text_features=text_features,
    )


def training(
    config: PipelineConfig,
    *,
    run_fn_module: python_types.ModuleType,
    run_config: object,
    examples: types.BaseChannel,
    **channels: types.BaseChannel,
) -> list[base_node.BaseNode]:
    """The Trainer, which comes last, and before it the Tuner if the pipeline searches.

    Args:
        config: of the pipeline.
        run_fn_module: with `run_fn`, `tuner_fn`, and the key of their configuration.
        run_config: dataclass that they read.
        examples: records of the splits "train" and "eval".
        channels: further inputs by name.
    """
    module = run_fn_module.__name__
    common = {
        "examples": examples,
        "train_args": trainer_pb2.TrainArgs(
            splits=["train"], num_steps=config.training.train_steps
        ),
        "eval_args": trainer_pb2.EvalArgs(splits=["eval"]),
        **channels,
    }
    custom = {
        run_fn_module.CONFIG_KEY: configuration.to_json(run_config),
        run_folder.STATE_ROOT_KEY: config.run.training_state,
    }
    nodes: list[base_node.BaseNode] = []
    if config.search is not None:
        # Before anything runs: a corner of the space that is not legal.
        config.search.check(run_config)
        tuner = Tuner(
            tuner_fn=f"{module}.{run_fn_module.tuner_fn.__name__}",
            custom_config={**custom, search.SEARCH_KEY: configuration.to_json(config.search)},
            **common,
        )
        nodes.append(tuner)
        common["hyperparameters"] = tuner.outputs["best_hyperparameters"]
    if config.repeats is not None:
        custom[repeats.REPEATS_KEY] = configuration.to_json(config.repeats)
    trainer = Trainer(
        run_fn=f"{module}.{run_fn_module.run_fn.__name__}", custom_config=custom, **common
    )
    return [*nodes, trainer]


def pusher(
    config: PipelineConfig, *, model: types.BaseChannel, blessing: types.BaseChannel
) -> Pusher:
    """Ships the model, if it is blessed, as a numbered version."""
    return Pusher(
        model=model,
        model_blessing=blessing,
        push_destination=push_destination(config),
    )


def push_destination(config: PipelineConfig) -> pusher_pb2.PushDestination:
    """The folder that gets a numbered version."""
    return pusher_pb2.PushDestination(
        filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=config.run.serving_dir)
    )


def lineage(config: PipelineConfig) -> Mapping[str, Any]:
    """What a report lists under "made from"."""
    return {
        "configuration": configuration.to_json(config),
        "vocabulary": config.vocabulary.model or f"trained, {config.vocabulary.size} pieces",
    }
