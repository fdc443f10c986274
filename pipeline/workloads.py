"""What a replica computes at a time in a training step, for each kind of pipeline."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from components.modeling.cost import Workload
from pipeline.classification_config import ClassificationPipelineConfig
from pipeline.config import PipelineConfig
from pipeline.pretraining_config import PretrainingPipelineConfig
from pipeline.question_answering_config import QuestionAnsweringPipelineConfig


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
    workload = _BY_KIND[config.kind](config, batch_size // parts)
    return dataclasses.replace(workload, micro_batches=config.training.gradient_accumulation)


def _classification(config: ClassificationPipelineConfig, batch_size: int) -> Workload:
    dataset = config.data.resolve()
    return Workload.of_labels(
        dataset.kind,
        num_labels=len(dataset.labels),
        batch_size=batch_size,
        seq_len=config.seq_len,
    )


def _question_answering(config: QuestionAnsweringPipelineConfig, batch_size: int) -> Workload:
    return Workload(
        task="question_answering", batch_size=batch_size, seq_len=config.windows.max_seq_length
    )


def _pretraining(config: PretrainingPipelineConfig, batch_size: int) -> Workload:
    records = config.records
    return Workload(
        task="pretraining",
        batch_size=batch_size,
        seq_len=records.seq_len,
        # A free number varies about what the span sampling aims at.
        num_predict=records.num_predict
        or -(-records.seq_len * records.mask_beta // records.mask_alpha),
        tie_weight=config.tie_weight,
    )


_BY_KIND: Mapping[str, Callable[..., Workload]] = {
    "classification": _classification,
    "pretraining": _pretraining,
    "question_answering": _question_answering,
}
