"""Classification, multiple choice and regression as tasks of the training loop."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tf_keras

from components import classification_metrics, glue_metrics
from components.modeling import losses
from components.modeling.classification import (
    ClassificationModel,
    MultipleChoiceModel,
    RegressionModel,
)
from components.modeling.config import ModelOptions, XLNetConfig
from components.trainer.task import Features, LossSum, State


@dataclasses.dataclass(frozen=True)
class ClassificationTask:
    """Chooses one of several labels for a text or a pair of texts, or one of a question's options.

    Attributes:
        model_config: sizes of the network.
        model_options: dropout, initialisation, compute dtype.
        task_name: part of the names of the head's variables.
        labels: label names in the order of their ids; in multiple choice, one for each option.
        metric_names: metrics to compute, of those in `metric_names.during_training(labels)`.
        multiple_choice: whether the labels stand for options, each with a sequence of its own.
    """

    model_config: XLNetConfig
    model_options: ModelOptions
    task_name: str
    labels: tuple[str, ...]
    metric_names: tuple[str, ...]
    multiple_choice: bool = False

    def build_model(self) -> tf_keras.Model:
        """Returns a model with a logit per label, whose variables have all been created."""
        if self.multiple_choice:
            return MultipleChoiceModel(self.model_config, self.model_options)
        return ClassificationModel(
            self.model_config, self.model_options, len(self.labels), task_name=self.task_name
        )

    def initial_state(self, num_rows: int) -> State:
        """Returns an empty state, because nothing is carried from batch to batch."""
        del num_rows
        return {}

    def training_loss(
        self, model: tf_keras.Model, features: Features, state: State, *, dropout_seed: tf.Tensor
    ) -> tuple[LossSum, State]:
        """Returns the cross entropy, summed over the real examples."""
        logits = model(features, training=True, dropout_seed=dropout_seed)
        per_example = losses.classification_loss(logits, features["label_ids"])
        return _over_real_examples(per_example, features), state

    def evaluation_outputs(
        self, model: tf_keras.Model, features: Features, state: State
    ) -> tuple[dict[str, tf.Tensor], State]:
        """Returns `logits` [B, K], `label_ids` [B] and `loss` [B]."""
        logits = model(features, training=False)
        outputs = {
            "logits": logits,
            "label_ids": features["label_ids"],
            "loss": losses.classification_loss(logits, features["label_ids"]),
        }
        return outputs, state

    def metrics(self, outputs: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Returns the mean loss and the metrics of the task."""
        confusion = glue_metrics.confusion_matrix(
            outputs["label_ids"], outputs["logits"].argmax(-1), len(self.labels)
        )
        values = {
            name: classification_metrics.compute(name, confusion, self.labels)
            for name in self.metric_names
        }
        return {"loss": float(outputs["loss"].mean()), **values}


@dataclasses.dataclass(frozen=True)
class RegressionTask:
    """Predicts a number for a text or a pair of texts (STS-B).

    Attributes:
        model_config: sizes of the network.
        model_options: dropout, initialisation, compute dtype.
        task_name: part of the names of the head's variables.
        metric_names: metrics to compute, as keys of `glue_metrics.REGRESSION_METRICS`.
    """

    model_config: XLNetConfig
    model_options: ModelOptions
    task_name: str
    metric_names: tuple[str, ...]

    def build_model(self) -> tf_keras.Model:
        """Returns a regression model whose variables have all been created."""
        return RegressionModel(self.model_config, self.model_options, task_name=self.task_name)

    def initial_state(self, num_rows: int) -> State:
        """Returns an empty state, because nothing is carried from batch to batch."""
        del num_rows
        return {}

    def training_loss(
        self, model: tf_keras.Model, features: Features, state: State, *, dropout_seed: tf.Tensor
    ) -> tuple[LossSum, State]:
        """Returns the squared error, summed over the real examples."""
        scores = model(features, training=True, dropout_seed=dropout_seed)
        per_example = losses.regression_loss(scores, features["label_ids"])
        return _over_real_examples(per_example, features), state

    def evaluation_outputs(
        self, model: tf_keras.Model, features: Features, state: State
    ) -> tuple[dict[str, tf.Tensor], State]:
        """Returns `scores` [B], `label_ids` [B] (here numbers) and `loss` [B]."""
        scores = model(features, training=False)
        outputs = {
            "scores": scores,
            "label_ids": features["label_ids"],
            "loss": losses.regression_loss(scores, features["label_ids"]),
        }
        return outputs, state

    def metrics(self, outputs: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Returns the mean loss and the metrics of the task."""
        values = {
            name: glue_metrics.REGRESSION_METRICS[name](outputs["label_ids"], outputs["scores"])
            for name in self.metric_names
        }
        return {"loss": float(outputs["loss"].mean()), **values}


def _over_real_examples(per_example: tf.Tensor, features: Features) -> LossSum:
    real = tf.cast(features["is_real_example"], per_example.dtype)
    return LossSum(total=tf.reduce_sum(per_example * real), weight=tf.reduce_sum(real))


def of_kind(
    kind: str,
    *,
    model_config: XLNetConfig,
    model_options: ModelOptions,
    task_name: str,
    labels: tuple[str, ...],
    metric_names: tuple[str, ...],
) -> ClassificationTask | RegressionTask:
    """Returns the task for a data set of the given kind.

    Args:
        kind: "classification", "regression" or "multiple_choice".
        model_config: sizes of the network.
        model_options: dropout, initialisation, compute dtype.
        task_name: part of the names of the head's variables.
        labels: label names in the order of their ids; empty for regression.
        metric_names: metrics to compute.
    """
    if kind == "regression":
        return RegressionTask(model_config, model_options, task_name, metric_names)
    return ClassificationTask(
        model_config,
        model_options,
        task_name,
        labels,
        metric_names,
        multiple_choice=kind == "multiple_choice",
    )
