"""GLUE's metrics for TFMA.

TFMA slices the data, combines partial results and checks thresholds; the values themselves are
computed by `components.glue_metrics`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_util
from tensorflow_model_analysis.proto import config_pb2

from components import glue_metrics
from components.evaluator.classification import roc

CONFUSION_MATRIX = "confusion_matrix"
SCORE_HISTOGRAM = "score_histogram"


class GlueMetric(tfma.metrics.Metric):
    """A metric that compares each example's label with the model's scores.

    For classification, an example has a label id [] and probabilities [K]; for regression, it has
    two numbers.

    Args:
        name: a key of `glue_metrics.CLASSIFICATION_METRICS` or `REGRESSION_METRICS`;
            "confusion_matrix" for the matrix itself; or "score_histogram" for the histogram from
            which `roc` makes a curve.
        num_classes: the number of labels, K; None for regression.
    """

    def __init__(self, name: str, num_classes: int | None = None):
        super().__init__(_computations, name=name, num_classes=num_classes)


# TFMA inspects the names of the positional parameters to decide which arguments to pass.
def _computations(
    name: str,
    num_classes: int | None = None,
    eval_config: config_pb2.EvalConfig | None = None,
    model_names: Iterable[str] = ("",),
    output_names: Iterable[str] = ("",),
) -> list[tfma.metrics.MetricComputation]:
    computations = []
    for model_name, output_name in itertools.product(model_names, output_names):
        key = tfma.metrics.MetricKey(name=name, model_name=model_name, output_name=output_name)
        if num_classes is None:
            combiner = _Pairs(key, eval_config)
        elif name == SCORE_HISTOGRAM:
            combiner = _ScoreHistogram(key, eval_config)
        else:
            combiner = _ConfusionMatrix(key, eval_config, num_classes)
        computations.append(
            tfma.metrics.MetricComputation(keys=[key], preprocessors=None, combiner=combiner)
        )
    return computations


class _PerExample(beam.CombineFn):
    """Base class for combining labels and scores of all examples, for one model and metric.

    Args:
        key: key of the result.
        eval_config: TFMA's configuration, which names the model's output with the scores.
    """

    def __init__(self, key: tfma.metrics.MetricKey, eval_config: config_pb2.EvalConfig):
        self._key = key
        self._eval_config = eval_config

    def _label_and_scores(
        self, element: tfma.metrics.StandardMetricInputs
    ) -> tuple[np.ndarray, np.ndarray]:
        triples = metric_util.to_label_prediction_example_weight(
            element,
            eval_config=self._eval_config,
            model_name=self._key.model_name,
            output_name=self._key.output_name,
            flatten=False,
        )
        label, scores, _ = next(iter(triples))
        return np.asarray(label).reshape(-1), np.asarray(scores).reshape(-1)


class _ConfusionMatrix(_PerExample):
    def __init__(
        self, key: tfma.metrics.MetricKey, eval_config: config_pb2.EvalConfig, num_classes: int
    ):
        super().__init__(key, eval_config)
        self._num_classes = num_classes

    def create_accumulator(self) -> np.ndarray:
        return np.zeros((self._num_classes, self._num_classes), np.int64)

    def add_input(
        self, accumulator: np.ndarray, element: tfma.metrics.StandardMetricInputs
    ) -> np.ndarray:
        label, scores = self._label_and_scores(element)
        prediction = scores.argmax(keepdims=True)
        return accumulator + glue_metrics.confusion_matrix(label, prediction, self._num_classes)

    def merge_accumulators(self, accumulators: Iterable[np.ndarray]) -> np.ndarray:
        return sum(accumulators, self.create_accumulator())

    def extract_output(self, accumulator: np.ndarray) -> dict[tfma.metrics.MetricKey, object]:
        if self._key.name == CONFUSION_MATRIX:
            return {self._key: accumulator.astype(np.float64)}
        return {self._key: glue_metrics.CLASSIFICATION_METRICS[self._key.name](accumulator)}


class _ScoreHistogram(_PerExample):
    def create_accumulator(self) -> np.ndarray:
        return np.zeros((2, roc.NUM_BINS), np.int64)

    def add_input(
        self, accumulator: np.ndarray, element: tfma.metrics.StandardMetricInputs
    ) -> np.ndarray:
        label, scores = self._label_and_scores(element)
        return accumulator + roc.histogram(label, scores[1:])

    def merge_accumulators(self, accumulators: Iterable[np.ndarray]) -> np.ndarray:
        return sum(accumulators, self.create_accumulator())

    def extract_output(self, accumulator: np.ndarray) -> dict[tfma.metrics.MetricKey, object]:
        return {self._key: accumulator.astype(np.float64)}


class _Pairs(_PerExample):
    def create_accumulator(self) -> list[tuple[float, float]]:
        return []

    def add_input(
        self, accumulator: list[tuple[float, float]], element: tfma.metrics.StandardMetricInputs
    ) -> list[tuple[float, float]]:
        label, score = self._label_and_scores(element)
        accumulator.append((float(label[0]), float(score[0])))
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
