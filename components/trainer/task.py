"""The `Task` protocol: what the training loop needs from a task, i.e. model, loss and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf
import tf_keras

Features = Mapping[str, tf.Tensor]
# The state that a step passes to the next one, by name. The batch's rows are on axis `ROW_AXIS`.
State = Mapping[str, tf.Tensor]
ROW_AXIS = 1


class LossSum(NamedTuple):
    """A loss as numerator and denominator, so that replicas and micro-batches add up exactly.

    Attributes:
        total: sum of the weighted losses, float32 [].
        weight: sum of the weights, float32 []; the loss of the batch is `total / weight`.
    """

    total: tf.Tensor
    weight: tf.Tensor


class Task(Protocol):
    """A kind of training, such as classification, multiple choice or pretraining."""

    def build_model(self) -> tf_keras.Model:
        """Returns a model whose variables have all been created."""

    def initial_state(self, num_rows: int) -> State:
        """Returns the state that the first step receives, for a batch of `num_rows` rows.

        In pretraining it is an empty memory. For tasks whose batches are independent of each other
        there is no state, and the result is an empty dict.
        """

    def training_loss(
        self, model: tf_keras.Model, features: Features, state: State, *, dropout_seed: tf.Tensor
    ) -> tuple[LossSum, State]:
        """Returns the loss of one replica's share of a batch, and the state for the next batch.

        Args:
            model: model made by `build_model`.
            features: rows of this replica.
            state: state from the previous batch.
            dropout_seed: int32 [2].
        """

    def evaluation_outputs(
        self, model: tf_keras.Model, features: Features, state: State
    ) -> tuple[dict[str, tf.Tensor], State]:
        """Returns what `metrics` needs, one row per example ([B] or [B, …]), and the next state."""

    def metrics(self, outputs: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Returns the metrics of a whole split, given the joined outputs of its real examples."""


def check_features(features: Mapping[str, Any], names: tuple[str, ...], task: str) -> None:
    """Raises a ValueError if features that a task needs are missing; the message names them."""
    missing = [name for name in names if name not in features]
    if missing:
        raise ValueError(
            f"The {task} task needs the features {missing}, which the records lack; they have "
            f"{sorted(features)}."
        )
