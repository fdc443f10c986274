"""The kind `question_answering`: extractive question answering, as in SQuAD."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.modeling.cost import Workload
from pipeline import derived
from pipeline.derived import Derived
from pipeline.kinds.kind import Kind
from pipeline.kinds.question_answering.config import QuestionAnsweringPipelineConfig

if TYPE_CHECKING:
    import tensorflow as tf
    from tfx.dsl.components.base import base_node

    from components.trainer.task import Task
    from pipeline.baseline import ResolveBaseline


class QuestionAnswering(Kind[QuestionAnsweringPipelineConfig]):
    """Learns to answer a question by a span of its paragraph, or to leave it unanswered."""

    name = "question_answering"
    config_type = QuestionAnsweringPipelineConfig

    def derive(self, document: dict[str, Any], *, where: str) -> list[Derived]:
        """Implements `Kind.derive`: the division into splits, if there is one set of files."""
        del where
        data = derived.mapping_at(document, "data")
        if data is None:
            return []
        return derived.split(data, "files", "article_split", {"train": 9, "eval": 1}, "data")

    def make_components(
        self, config: QuestionAnsweringPipelineConfig, *, resolve_baseline: ResolveBaseline
    ) -> list[base_node.BaseNode]:
        """Implements `Kind.make_components`."""
        from pipeline.kinds.question_answering import graph

        return graph.make_components(config, resolve_baseline=resolve_baseline)

    def workload(self, config: QuestionAnsweringPipelineConfig, batch_size: int) -> Workload:
        """Implements `Kind.workload`."""
        return Workload(
            task=self.name, batch_size=batch_size, seq_len=config.windows.max_seq_length
        )

    def training_step(
        self, config: QuestionAnsweringPipelineConfig, rows: int
    ) -> tuple[Task, dict[str, tf.TensorSpec]]:
        """Implements `Kind.training_step`."""
        from components import records
        from components.trainer import preflight
        from components.trainer.question_answering.task import QuestionAnsweringTask

        task = QuestionAnsweringTask(
            config.sized_model(),
            config.model_options,
            config.start_n_top,
            config.end_n_top,
            config.decoding,
        )
        seq_len = config.windows.max_seq_length
        return task, preflight.record_features(
            records.QUESTION_ANSWERING, rows=rows, seq_len=seq_len
        )
