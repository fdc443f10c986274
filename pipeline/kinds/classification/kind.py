"""The kind `classification`, which also covers regression and multiple choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components import configuration, json_text
from components.configuration import ConfigurationError
from components.example_gen.classification import labels_in_data
from components.example_gen.classification.dataset import TextDataset
from components.modeling.cost import Workload
from pipeline import derived
from pipeline.derived import Derived
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

    def derive(self, document: dict[str, Any], *, where: str) -> list[Derived]:
        """Implements `Kind.derive`: the division into splits, and the labels."""
        dataset = derived.mapping_at(document, "data", "dataset")
        if dataset is None:
            return []
        found = []
        if dataset.get("file_format") != "race":
            found = derived.split(
                dataset, "splits", "hash_split", {"train": 9, "eval": 1}, "data.dataset"
            )
        columns = derived.mapping_at(dataset, "columns") or {}
        is_left_out = not dataset.get("labels") and not dataset.get("label_range")
        if is_left_out and "options" not in columns and dataset.get("file_format") != "race":
            labels = self._labels(dataset, document["data"].get("root"), where)
            dataset["labels"] = list(labels.labels)
            source = f"the training split, {labels.num_rows:,} rows"
            found.append(
                Derived("data.dataset.labels", json_text.shown_list(labels.labels), source)
            )
        return found

    def _labels(self, dataset: dict[str, Any], root: Any, where: str) -> labels_in_data.FoundLabels:
        """Reads the labels of the training split."""
        described = {
            key: value for key, value in dataset.items() if key not in ("labels", "metrics")
        }
        # The range says that there are numbers, because a data set has to say something.
        undecided = configuration.build(
            TextDataset, described | {"label_range": [0, 1]}, where=f"{where}.data.dataset"
        )
        try:
            if not isinstance(root, str):
                raise ConfigurationError("data.root is missing.")
            return labels_in_data.find(undecided, root)
        except (ValueError, OSError) as error:
            raise ConfigurationError(
                f"{where}.data.dataset leaves out the labels, which are then taken from the "
                f"training split. {error} Or list them, as in labels: [no, yes]."
            ) from error

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
