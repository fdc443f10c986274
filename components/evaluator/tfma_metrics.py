"""GLUE's metrics as TFMA metrics: TFMA slices, combines and validates; `glue_metrics` computes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from components.evaluator import glue_metrics

CONFUSION_MATRIX = "confusion_matrix"


class ClassificationMetric(tfma.metrics.Metric):
    """A metric of label ids [] against probabilities [K], by way of the confusion matrix.

    Args:
        name: a key of `glue_metrics.CLASSIFICATION_METRICS`, or "confusion_matrix" for the matrix
            itself.
        num_classes: K.
    """

    def __init__(self, name: str, num_classes: int):
        super().__init__(
            functools.partial(_computations, combiner=_ConfusionMatrix),
            name=name,
            num_classes=num_classes,
        )


class RegressionMetric(tfma.metrics.Metric):
    """A metric of numbers against numbers that needs all of them at once (ranks).

    Args:
        name: a key of `glue_metrics.REGRESSION_METRICS`.
    """

    def __init__(self, name: str):
        super().__init__(functools.partial(_computations, combiner=_Pairs), name=name)


def _computations(
    *,
    combiner: Callable[..., beam.CombineFn],
    name: str,
    model_names: Iterable[str] = ("",),
    output_names: Iterable[str] = ("",),
    example_weighted: bool = False,
    num_classes: int | None = None,
    **_: object,
) -> list[tfma.metrics.MetricComputation]:
    keys = [
        tfma.metrics.MetricKey(
            name=name,
            model_name=model_name,
            output_name=output_name,
            example_weighted=example_weighted,
        )
        for model_name in model_names
        for output_name in output_names
    ]
    extra = {} if num_classes is None else {"num_classes": num_classes}
    return [
        tfma.metrics.MetricComputation(
            keys=[key], preprocessors=None, combiner=combiner(key=key, **extra)
        )
        for key in keys
    ]


def _label_and_scores(
    element: tfma.metrics.StandardMetricInputs, model_name: str
) -> tuple[np.ndarray, np.ndarray]:
    labels, predictions = element.get_labels(), element.get_predictions()
    # With a baseline beside the candidate, TFMA nests both under the models' names.
    if isinstance(labels, dict):
        labels = labels[model_name]
    if isinstance(predictions, dict):
        predictions = predictions[model_name]
    return np.asarray(labels).reshape(-1), np.asarray(predictions)


class _ConfusionMatrix(beam.CombineFn):
    def __init__(self, key: tfma.metrics.MetricKey, num_classes: int):
        self._key = key
        self._num_classes = num_classes

    def create_accumulator(self) -> np.ndarray:
        return np.zeros((self._num_classes, self._num_classes), np.int64)

    def add_input(
        self, accumulator: np.ndarray, element: tfma.metrics.StandardMetricInputs
    ) -> np.ndarray:
        label, scores = _label_and_scores(element, self._key.model_name)
        prediction = scores.reshape(-1, self._num_classes).argmax(-1)
        return accumulator + glue_metrics.confusion_matrix(label, prediction, self._num_classes)

    def merge_accumulators(self, accumulators: Iterable[np.ndarray]) -> np.ndarray:
        return sum(accumulators, self.create_accumulator())

    def extract_output(self, accumulator: np.ndarray) -> dict[tfma.metrics.MetricKey, object]:
        if self._key.name == CONFUSION_MATRIX:
            return {self._key: accumulator.astype(np.float64)}
        return {self._key: glue_metrics.CLASSIFICATION_METRICS[self._key.name](accumulator)}


class _Pairs(beam.CombineFn):
    def __init__(self, key: tfma.metrics.MetricKey):
        self._key = key

    def create_accumulator(self) -> list[tuple[float, float]]:
        return []

    def add_input(
        self, accumulator: list[tuple[float, float]], element: tfma.metrics.StandardMetricInputs
    ) -> list[tuple[float, float]]:
        label, score = _label_and_scores(element, self._key.model_name)
        accumulator.append((float(label[0]), float(score.reshape(-1)[0])))
        return accumulator

    def merge_accumulators(
        self, accumulators: Iterable[list[tuple[float, float]]]
    ) -> list[tuple[float, float]]:
        return [pair for accumulator in accumulators for pair in accumulator]

    def extract_output(
        self, accumulator: list[tuple[float, float]]
    ) -> dict[tfma.metrics.MetricKey, float]:
        pairs = np.asarray(accumulator, np.float64).reshape(-1, 2)
        metric = glue_metrics.REGRESSION_METRICS[self._key.name]
        return {self._key: metric(pairs[:, 0], pairs[:, 1])}


tfma.metrics.register_metric(ClassificationMetric)
tfma.metrics.register_metric(RegressionMetric)
