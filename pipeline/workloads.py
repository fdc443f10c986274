"""What a replica computes at a time in a training step."""

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
    """The workload of one replica: of one micro-batch, where there are several to a step.

    Args:
        config: of the pipeline.
        replicas: that share a batch.

    Raises:
        ValueError: if they cannot share it evenly.
    """
    batch_size = config.training.batch_size
    parts = replicas * config.training.gradient_accumulation
    if replicas < 1 or batch_size % parts:
        times = "" if parts == replicas else f" in {parts // replicas} micro-batches"
        raise ValueError(
            f"{replicas} replicas cannot share a batch of {batch_size}{times} evenly; set "
            "training.batch_size to a multiple."
        )
    workload = kinds.of(config).workload(config, batch_size // parts)
    return dataclasses.replace(workload, micro_batches=config.training.gradient_accumulation)


def training_step(
    config: PipelineConfig, *, replicas: int = 1
) -> tuple[Task, dict[str, tf.TensorSpec]]:
    """The task of the training loop, and the features of one replica's rows.

    Raises:
        ValueError: if the replicas cannot share a batch evenly.
    """
    workload = of(config, replicas=replicas)
    rows = workload.batch_size * workload.micro_batches
    return kinds.of(config).training_step(config, rows)
