"""What the training loop asks of a task: a model, a loss, and metrics of its predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf
import tf_keras

Features = Mapping[str, tf.Tensor]
# What a step hands on to the next one, by name; the rows of the batch are on axis `ROW_AXIS`.
State = Mapping[str, tf.Tensor]
ROW_AXIS = 1


class LossSum(NamedTuple):
    """A loss in two parts, so that replicas and accumulated batches can be joined exactly.

    Attributes:
        total: sum of the weighted losses, float32 [].
        weight: sum of the weights, float32 []; the batch's loss is `total / weight`.
    """

    total: tf.Tensor
    weight: tf.Tensor


class Task(Protocol):
    """A kind of training, such as classification, multiple choice or pretraining."""

    def build_model(self) -> tf_keras.Model:
        """A model whose variables all exist."""

    def initial_state(self, num_rows: int) -> State:
        """What the first step gets: the memory of rows before which nothing was read.

        Empty for tasks whose batches have nothing to do with each other.
        """

    def training_loss(
        self, model: tf_keras.Model, features: Features, state: State, *, dropout_seed: tf.Tensor
    ) -> tuple[LossSum, State]:
        """Loss of one replica's share of a batch, and the state for the next batch.

        `dropout_seed` is int32 [2].
        """

    def evaluation_outputs(
        self, model: tf_keras.Model, features: Features, state: State
    ) -> tuple[dict[str, tf.Tensor], State]:
        """Whatever `metrics` needs, each tensor with one row per example ([B] or [B, …])."""

    def metrics(self, outputs: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Metrics over a whole split, from the joined outputs of all its real examples."""


def check_features(features: Mapping[str, Any], names: tuple[str, ...], task: str) -> None:
    """Raises a ValueError that names the features which a task needs and a record lacks."""
    missing = [name for name in names if name not in features]
    if missing:
        raise ValueError(
            f"The {task} task needs the features {missing}, which the records lack; they have "
            f"{sorted(features)}."
        )
