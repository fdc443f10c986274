"""What a replica's step takes in, for each kind of pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from components import records as record_types
from components.trainer import classification_task, preflight
from components.trainer.permutation import PermutationConfig
from components.trainer.pretraining_task import PretrainingTask
from components.trainer.question_answering_task import QuestionAnsweringTask
from components.trainer.task import Task
from pipeline import workloads
from pipeline.classification_config import ClassificationPipelineConfig
from pipeline.config import PipelineConfig
from pipeline.pretraining_config import PretrainingPipelineConfig
from pipeline.question_answering_config import QuestionAnsweringPipelineConfig

_Step = tuple[Task, dict[str, tf.TensorSpec]]


def of(config: PipelineConfig, *, replicas: int = 1) -> _Step:
    """The task, and the features of one replica's rows.

    Raises:
        ValueError: if the replicas cannot share a batch evenly.
    """
    workload = workloads.of(config, replicas=replicas)
    return _BY_KIND[config.kind](config, workload.batch_size * workload.micro_batches)


def _classification(config: ClassificationPipelineConfig, rows: int) -> _Step:
    dataset = config.data.resolve()
    task = classification_task.of_kind(
        dataset.kind,
        model_config=config.sized_model(),
        model_options=config.model_options,
        task_name=dataset.name,
        labels=tuple(dataset.labels),
        metric_names=tuple(dataset.metrics),
    )
    record_type = record_types.of_labels(dataset.kind, len(dataset.labels))
    return task, preflight.record_features(record_type, rows=rows, seq_len=config.seq_len)


def _question_answering(config: QuestionAnsweringPipelineConfig, rows: int) -> _Step:
    task = QuestionAnsweringTask(
        config.sized_model(),
        config.model_options,
        config.start_n_top,
        config.end_n_top,
        config.decoding,
    )
    seq_len = config.windows.max_seq_length
    return task, preflight.record_features(
        record_types.QUESTION_ANSWERING, rows=rows, seq_len=seq_len
    )


def _pretraining(config: PretrainingPipelineConfig, rows: int) -> _Step:
    records = config.records
    permutation = PermutationConfig(
        seq_len=records.seq_len,
        reuse_len=records.reuse_len,
        perm_size=config.longest_permutation,
        # A free number is padded to the most in any record; here to what is estimated.
        num_predict=records.num_predict or workloads.of(config).num_predict,
        seed=0,
        leak_ratio=config.leak_ratio,
    )
    task = PretrainingTask(config.sized_model(), config.model_options, config.tie_weight)
    return task, preflight.pretraining_features(permutation, rows=rows)


_BY_KIND: Mapping[str, Callable[..., _Step]] = {
    "classification": _classification,
    "pretraining": _pretraining,
    "question_answering": _question_answering,
}
