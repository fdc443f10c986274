"""Sizes of a training step on one replica, for the commands `estimate` and `preflight`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from components.modeling.cost import Workload
from pipeline import kinds
from pipeline.config import PipelineConfig

if TYPE_CHECKING:
    import tensorflow as tf

    from components.trainer.task import Task


def of(config: PipelineConfig, *, replicas: int = 1) -> Workload:
    """Computes the workload of one replica; with gradient accumulation, that of one micro-batch.

    Args:
        config: configuration of the pipeline.
        replicas: number of replicas that share a batch.

    Raises:
        ValueError: if there is no replica, or if the batch cannot be divided evenly among replicas
            and micro-batches; the message then names the nearest batches that can.
    """
    if replicas < 1:
        raise ValueError(f"--replicas must be at least 1, not {replicas}.")
    batch_size = config.training.batch_size
    parts = replicas * config.training.gradient_accumulation
    if batch_size % parts:
        times = "" if parts == replicas else f" in {parts // replicas} micro-batches"
        raise ValueError(
            f"{replicas} replicas cannot share a batch of {batch_size}{times} evenly. "
            f"{_legal_batches(batch_size, parts)}"
        )
    workload = kinds.of(config).workload(config, batch_size // parts)
    return dataclasses.replace(workload, micro_batches=config.training.gradient_accumulation)


def training_step(
    config: PipelineConfig, *, replicas: int = 1
) -> tuple[Task, dict[str, tf.TensorSpec]]:
    """Makes the task of the training loop and the specs of the features of one replica's rows.

    Args:
        config: configuration of the pipeline.
        replicas: number of replicas that share a batch.

    Returns:
        The task, and shape and dtype of each feature by name.

    Raises:
        ValueError: the same as of `of`.
    """
    workload = of(config, replicas=replicas)
    rows = workload.batch_size * workload.micro_batches
    if config.training.strategy == "tpu":
        config = for_accelerators(config)
    return kinds.of(config).training_step(config, rows)


def for_accelerators(config: PipelineConfig) -> PipelineConfig:
    """Fills in what a model finds out by itself on a TPU, of which this machine has none."""
    if config.options.program != "auto":
        return config
    options = dataclasses.replace(config.options, program="accelerator")
    return dataclasses.replace(config, options=options)


def _legal_batches(batch_size: int, parts: int) -> str:
    below = batch_size // parts * parts
    if not below:
        return f"The smallest legal value of training.batch_size is {parts}."
    return f"The nearest legal values of training.batch_size are {below} and {below + parts}."
