"""Pretraining by permutation language modelling as a kind of pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.modeling.cost import Workload
from pipeline.kinds.kind import Kind
from pipeline.kinds.pretraining.config import PretrainingPipelineConfig

if TYPE_CHECKING:
    import tensorflow as tf
    from tfx.dsl.components.base import base_node

    from components.trainer.task import Task
    from pipeline.baseline import ResolveBaseline


class Pretraining(Kind[PretrainingPipelineConfig]):
    """Running text; what is pushed are weights that the other kinds start from."""

    name = "pretraining"
    config_type = PretrainingPipelineConfig
    serves = False

    def make_components(
        self, config: PretrainingPipelineConfig, *, resolve_baseline: ResolveBaseline
    ) -> list[base_node.BaseNode]:
        """See `Kind`."""
        from pipeline.kinds.pretraining import graph

        return graph.make_components(config, resolve_baseline=resolve_baseline)

    def workload(self, config: PretrainingPipelineConfig, batch_size: int) -> Workload:
        """See `Kind`."""
        records = config.records
        return Workload(
            task=self.name,
            batch_size=batch_size,
            seq_len=records.seq_len,
            # A free number varies about what the span sampling aims at.
            num_predict=records.num_predict
            or -(-records.seq_len * records.mask_beta // records.mask_alpha),
            tie_weight=config.tie_weight,
        )

    def training_step(
        self, config: PretrainingPipelineConfig, rows: int
    ) -> tuple[Task, dict[str, tf.TensorSpec]]:
        """See `Kind`."""
        from components.trainer.pretraining import pretraining_input
        from components.trainer.pretraining.permutation import PermutationConfig
        from components.trainer.pretraining.task import PretrainingTask

        records = config.records
        permutation = PermutationConfig(
            seq_len=records.seq_len,
            reuse_len=records.reuse_len,
            perm_size=config.longest_permutation,
            # A free number is padded to the most in any record; here to what is estimated.
            num_predict=self.workload(config, rows).num_predict,
            seed=0,
            leak_ratio=config.leak_ratio,
        )
        task = PretrainingTask(config.sized_model(), config.model_options, config.tie_weight)
        return task, pretraining_input.replica_features(permutation, rows=rows)
