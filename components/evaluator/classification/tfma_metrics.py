"""The metrics of texts with labels or numbers, for TFMA.

TFMA slices the data, combines partial results and checks thresholds; the values themselves are
computed by `components.classification_metrics`, `components.glue_metrics` and `calibration`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_util
from tensorflow_model_analysis.proto import config_pb2

from components import classification_metrics, glue_metrics, metric_names
from components.evaluator.classification import calibration, roc

CONFUSION_MATRIX = "confusion_matrix"
SCORE_HISTOGRAM = "score_histogram"
RELIABILITY = "reliability"
# What is measured once and from which metrics are derived; TFMA hides names with an underscore.
_CONFUSION, _RELIABILITY = "_confusion_matrix", "_reliability"


class TextMetric(tfma.metrics.Metric):
    """A metric that compares each example's label with the model's scores.

    For classification, an example has a label id [] and probabilities [K]; for regression, it has
    two numbers.

    Args:
        name: one of `metric_names.of_evaluation(labels)`; "confusion_matrix" for the matrix
            itself; "reliability" for the sums by bin of `calibration`; or "score_histogram" for the
            histogram from which `roc` makes a curve.
        labels: the labels in the order of their ids; None for regression.
    """

    def __init__(self, name: str, labels: Sequence[str] | None = None):
        super().__init__(_computations, name=name, labels=labels)


# TFMA inspects the names of the positional parameters to decide which arguments to pass.
def _computations(
    name: str,
    labels: Sequence[str] | None = None,
    eval_config: config_pb2.EvalConfig | None = None,
    model_names: Iterable[str] = ("",),
    output_names: Iterable[str] = ("",),
) -> list[tfma.metrics.MetricComputation | tfma.metrics.DerivedMetricComputation]:
    computations = []
    for model_name, output_name in itertools.product(model_names, output_names):

        def key_of(metric: str, model: str = model_name, output: str = output_name):
            return tfma.metrics.MetricKey(name=metric, model_name=model, output_name=output)

        if labels is None:
            computations.append(_combined(_Pairs(key_of(name), eval_config)))
        elif name == SCORE_HISTOGRAM:
            computations.append(_combined(_ScoreHistogram(key_of(name), eval_config)))
        else:
            is_calibration = name in (RELIABILITY, metric_names.CALIBRATION_ERROR)
            source = key_of(_RELIABILITY if is_calibration else _CONFUSION)
            combiner = (
                _Reliability(source, eval_config)
                if is_calibration
                else _ConfusionMatrix(source, eval_config, len(labels))
            )
            derive = functools.partial(_derive, key=key_of(name), source=source, labels=labels)
            # TFMA leaves out what has the same key, so each source is computed only once.
            computations += [
                _combined(combiner),
                tfma.metrics.DerivedMetricComputation(keys=[key_of(name)], result=derive),
            ]
    return computations


def _combined(combiner: _PerExample) -> tfma.metrics.MetricComputation:
    return tfma.metrics.MetricComputation(
        keys=[combiner.key], preprocessors=None, combiner=combiner
    )


def _derive(
    found: Mapping[tfma.metrics.MetricKey, np.ndarray],
    *,
    key: tfma.metrics.MetricKey,
    source: tfma.metrics.MetricKey,
    labels: Sequence[str],
) -> dict[tfma.metrics.MetricKey, object]:
    measured = found[source]
    if key.name in (CONFUSION_MATRIX, RELIABILITY):
        return {key: measured}
    if key.name == metric_names.CALIBRATION_ERROR:
        return {key: calibration.expected_error(measured)}
    return {key: classification_metrics.compute(key.name, measured, labels)}


class _PerExample(beam.CombineFn):
    """Base class for combining labels and scores of all examples, for one model and metric.

    Attributes:
        key: key of the result.

    Args:
        key: key of the result.
        eval_config: TFMA's configuration, which names the model's output with the scores.
    """

    def __init__(self, key: tfma.metrics.MetricKey, eval_config: config_pb2.EvalConfig):
        self.key = key
        self._eval_config = eval_config

    def _label_and_scores(
        self, element: tfma.metrics.StandardMetricInputs
    ) -> tuple[np.ndarray, np.ndarray]:
        triples = metric_util.to_label_prediction_example_weight(
            element,
            eval_config=self._eval_config,
            model_name=self.key.model_name,
            output_name=self.key.output_name,
            flatten=False,
        )
        label, scores, _ = next(iter(triples))
        scores = np.asarray(scores).reshape(-1)
        classification_metrics.check_scores(scores)
        return np.asarray(label).reshape(-1), scores


class _Sums(_PerExample):
    """Base class for adding up arrays of the same shape."""

    def merge_accumulators(self, accumulators: Iterable[np.ndarray]) -> np.ndarray:
        return sum(accumulators, self.create_accumulator())

    def extract_output(self, accumulator: np.ndarray) -> dict[tfma.metrics.MetricKey, object]:
        return {self.key: accumulator.astype(np.float64)}


class _ConfusionMatrix(_Sums):
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


class _Reliability(_Sums):
    def create_accumulator(self) -> np.ndarray:
        return np.zeros((3, calibration.NUM_BINS))

    def add_input(
        self, accumulator: np.ndarray, element: tfma.metrics.StandardMetricInputs
    ) -> np.ndarray:
        label, scores = self._label_and_scores(element)
        return accumulator + calibration.sums(label, scores[None])


class _ScoreHistogram(_Sums):
    def create_accumulator(self) -> np.ndarray:
        return np.zeros((2, roc.NUM_BINS), np.int64)

    def add_input(
        self, accumulator: np.ndarray, element: tfma.metrics.StandardMetricInputs
    ) -> np.ndarray:
        label, scores = self._label_and_scores(element)
        return accumulator + roc.histogram(label, scores[1:])


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
        metric = glue_metrics.REGRESSION_METRICS[self.key.name]
        return {self.key: metric(pairs[:, 0], pairs[:, 1])}
