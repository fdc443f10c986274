"""The kind `pretraining`: permutation language modelling on running text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.modeling.cost import Workload
from pipeline import derived
from pipeline.derived import Derived
from pipeline.kinds.kind import Kind
from pipeline.kinds.pretraining.config import PretrainingPipelineConfig

if TYPE_CHECKING:
    import tensorflow as tf
    from tfx.dsl.components.base import base_node

    from components.trainer.task import Task
    from pipeline.baseline import ResolveBaseline


class Pretraining(Kind[PretrainingPipelineConfig]):
    """Learns from running text, and pushes weights from which the other kinds start."""

    name = "pretraining"
    config_type = PretrainingPipelineConfig
    serves = False

    def derive(self, document: dict[str, Any], *, where: str) -> list[Derived]:
        """Implements `Kind.derive`: the division into splits, if there is one set of files."""
        del where
        data = derived.mapping_at(document, "data")
        if data is None:
            return []
        return derived.split(data, "files", "document_split", {"train": 99, "eval": 1}, "data")

    def make_components(
        self, config: PretrainingPipelineConfig, *, resolve_baseline: ResolveBaseline
    ) -> list[base_node.BaseNode]:
        """Implements `Kind.make_components`."""
        from pipeline.kinds.pretraining import graph

        return graph.make_components(config, resolve_baseline=resolve_baseline)

    def workload(self, config: PretrainingPipelineConfig, batch_size: int) -> Workload:
        """Implements `Kind.workload`."""
        records = config.records
        return Workload(
            task=self.name,
            batch_size=batch_size,
            seq_len=records.seq_len,
            # If the number of predictions is not fixed, it varies around what span sampling aims
            # at, which is used here.
            num_predict=records.num_predict
            or -(-records.seq_len * records.mask_beta // records.mask_alpha),
            tie_weight=config.tie_weight,
        )

    def training_step(
        self, config: PretrainingPipelineConfig, rows: int
    ) -> tuple[Task, dict[str, tf.TensorSpec]]:
        """Implements `Kind.training_step`."""
        from components.trainer.pretraining import pretraining_input
        from components.trainer.pretraining.permutation_config import PermutationConfig
        from components.trainer.pretraining.task import PretrainingTask

        records = config.records
        permutation = PermutationConfig(
            seq_len=records.seq_len,
            reuse_len=records.reuse_len,
            perm_size=config.longest_permutation,
            # If the number is not fixed, training pads to the largest number in any record. There
            # are no records yet, so this takes the estimate.
            num_predict=self.workload(config, rows).num_predict,
            seed=0,
            leak_ratio=config.leak_ratio,
        )
        task = PretrainingTask(config.sized_model(), config.model_options, config.tie_weight)
        return task, pretraining_input.replica_features(permutation, rows=rows)
