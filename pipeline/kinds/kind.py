"""What a kind of pipeline consists of."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from pipeline.config import PipelineConfig

if TYPE_CHECKING:
    import tensorflow as tf
    from tfx.dsl.components.base import base_node

    from components.modeling.cost import Workload
    from components.trainer.task import Task
    from pipeline.baseline import ResolveBaseline

Config = TypeVar("Config", bound=PipelineConfig)


class Kind(abc.ABC, Generic[Config]):
    """One kind of pipeline, from its configuration to what it pushes.

    Importing a kind imports no TFX and no model: its methods import what they need.

    Attributes:
        name: the word under `kind:` in a configuration.
        config_type: the configuration, with a field `kind` that is `name`.
        serves: whether what is pushed answers requests (`xlnet-pipeline serve`), rather than being
            weights to start from.
    """

    name: ClassVar[str]
    config_type: ClassVar[type[PipelineConfig]]
    serves: ClassVar[bool] = True

    @abc.abstractmethod
    def make_components(
        self, config: Config, *, resolve_baseline: ResolveBaseline
    ) -> list[base_node.BaseNode]:
        """The pipeline's components, in an order in which they could run.

        Args:
            config: of the pipeline.
            resolve_baseline: makes the node that finds the model to compare with.
        """

    @abc.abstractmethod
    def workload(self, config: Config, batch_size: int) -> Workload:
        """What a training step computes on `batch_size` rows, for estimates."""

    @abc.abstractmethod
    def training_step(self, config: Config, rows: int) -> tuple[Task, dict[str, tf.TensorSpec]]:
        """The task of the training loop, and the features of `rows` records."""
