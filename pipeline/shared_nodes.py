"""Makes the components that pipelines of every kind have: vocabulary, Tuner, Trainer, Pusher."""

from __future__ import annotations

import types as python_types
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_node
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
    """Makes the component that imports the SentencePiece model or trains one.

    Args:
        config: configuration of the pipeline.
        examples: raw examples, used only if a model is trained.
        text_features: names of the features that contain text.
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
    """Makes the Trainer, preceded by the Tuner if the configuration has a search.

    Args:
        config: configuration of the pipeline.
        run_fn_module: module with the functions `run_fn` and `tuner_fn`, and with `CONFIG_KEY`, the
            key under which they find their configuration.
        run_config: the dataclass that these functions read as their configuration.
        examples: records with the splits "train" and "eval".
        channels: further inputs of both components, by name.

    Returns:
        The Tuner, if there is one, and the Trainer, which is always last.

    Raises:
        ConfigurationError: if the search covers values that are not legal.
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
        # Find illegal values in the search space now, rather than in some trial.
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
    config: PipelineConfig,
    *,
    model: types.BaseChannel,
    evaluator: base_component.BaseComponent,
    pusher_type: type[Pusher] = Pusher,
) -> Pusher:
    """Makes the component that pushes a blessed model as a numbered version."""
    return pusher_type(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        push_destination=push_destination(config),
    )


def push_destination(config: PipelineConfig) -> pusher_pb2.PushDestination:
    """Describes the folder in which the Pusher creates a numbered version."""
    return pusher_pb2.PushDestination(
        filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=config.run.serving_dir)
    )


def lineage(config: PipelineConfig) -> Mapping[str, Any]:
    """Returns what the report lists under "Made from", by name."""
    return {
        "configuration": configuration.to_json(config),
        "vocabulary": config.vocabulary.model or f"trained, {config.vocabulary.size} pieces",
    }
