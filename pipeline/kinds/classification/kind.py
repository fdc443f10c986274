"""The kind `classification`, which also covers regression and multiple choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.modeling.cost import Workload
from pipeline.kinds.classification.config import ClassificationPipelineConfig
from pipeline.kinds.kind import Kind

if TYPE_CHECKING:
    import tensorflow as tf
    from tfx.dsl.components.base import base_node

    from components.trainer.task import Task
    from pipeline.baseline import ResolveBaseline


class Classification(Kind[ClassificationPipelineConfig]):
    """Learns from rows of text that have a label, a number, or options of which one is right."""

    name = "classification"
    config_type = ClassificationPipelineConfig

    def make_components(
        self, config: ClassificationPipelineConfig, *, resolve_baseline: ResolveBaseline
    ) -> list[base_node.BaseNode]:
        """Implements `Kind.make_components`."""
        from pipeline.kinds.classification import graph

        return graph.make_components(config, resolve_baseline=resolve_baseline)

    def workload(self, config: ClassificationPipelineConfig, batch_size: int) -> Workload:
        """Implements `Kind.workload`."""
        dataset = config.data.resolve()
        return Workload.of_labels(
            dataset.kind,
            num_labels=len(dataset.labels),
            batch_size=batch_size,
            seq_len=config.seq_len,
        )

    def training_step(
        self, config: ClassificationPipelineConfig, rows: int
    ) -> tuple[Task, dict[str, tf.TensorSpec]]:
        """Implements `Kind.training_step`."""
        from components import records
        from components.trainer import preflight
        from components.trainer.classification import tasks

        dataset = config.data.resolve()
        task = tasks.of_kind(
            dataset.kind,
            model_config=config.sized_model(),
            model_options=config.model_options,
            task_name=dataset.name,
            labels=tuple(dataset.labels),
            metric_names=tuple(dataset.metrics),
        )
        record_type = records.of_labels(dataset.kind, len(dataset.labels))
        return task, preflight.record_features(record_type, rows=rows, seq_len=config.seq_len)
