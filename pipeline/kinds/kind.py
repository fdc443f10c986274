"""The interface that every kind of pipeline implements."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pipeline.config import PipelineConfig

if TYPE_CHECKING:
    import tensorflow as tf
    from tfx.dsl.components.base import base_node

    from components.modeling.cost import Workload
    from components.trainer.task import Task
    from pipeline.baseline import ResolveBaseline
    from pipeline.derived import Derived

Config = TypeVar("Config", bound=PipelineConfig)


class Kind(abc.ABC, Generic[Config]):
    """One kind of pipeline: its configuration, its components, and its training step.

    Importing a kind must stay fast, so its methods import TFX and the models only when they run.

    Attributes:
        name: the value of `kind:` in a configuration.
        config_type: class of the configuration; its field `kind` accepts only `name`.
        serves: whether the pushed model can answer requests (`xlnet-pipeline serve`). False if it
            only provides weights from which other pipelines start.
    """

    name: ClassVar[str]
    config_type: ClassVar[type[PipelineConfig]]
    serves: ClassVar[bool] = True

    def derive(self, document: dict[str, Any], *, where: str) -> list[Derived]:
        """Fills in settings that a configuration leaves out because they follow from the data.

        Args:
            document: the merged document before it becomes a configuration; changed in place.
            where: where it comes from, for error messages.

        Returns:
            What was filled in.

        Raises:
            ConfigurationError: if something cannot be derived; the message says what to give.
        """
        del document, where
        return []

    @abc.abstractmethod
    def make_components(
        self, config: Config, *, resolve_baseline: ResolveBaseline
    ) -> list[base_node.BaseNode]:
        """Makes the pipeline's components, each after those whose outputs it reads.

        Args:
            config: configuration of the pipeline.
            resolve_baseline: makes the node that finds the model to compare the new one with.
        """

    @abc.abstractmethod
    def workload(self, config: Config, batch_size: int) -> Workload:
        """Describes a training step on `batch_size` rows, for estimating its time and memory."""

    @abc.abstractmethod
    def training_step(self, config: Config, rows: int) -> tuple[Task, dict[str, tf.TensorSpec]]:
        """Makes the task of the training loop and the specs of a batch, without reading any data.

        Args:
            config: configuration of the pipeline.
            rows: number of records in the batch.

        Returns:
            The task, and shape and dtype of each feature by name.
        """
