"""Translates our evaluation settings into a configuration for TFMA."""

from __future__ import annotations

import json
from collections.abc import Sequence

# Only in the older stack does TFMA itself export these messages.
from tensorflow_model_analysis.proto import config_pb2

from components import metric_names
from components.evaluator.classification import tfma_metrics
from components.evaluator.config import SLACK, EvaluationConfig, Threshold
from components.export.signatures import SERVING_TF_EXAMPLES


def make_eval_config(
    config: EvaluationConfig, *, metrics: Sequence[str], labels: Sequence[str] | None
) -> config_pb2.EvalConfig:
    """Makes TFMA's configuration: what to measure on which slices, and the thresholds.

    Args:
        config: thresholds and slices.
        metrics: metrics to show; those that have thresholds are measured in addition.
        labels: labels of the task; None for regression.

    Raises:
        ValueError: if a threshold names an unknown metric, or bounds one from the wrong side.
    """
    config.check_metrics(
        metric_names.of_evaluation(labels), less_is_better=metric_names.LESS_IS_BETTER
    )
    shown = measured(config, metrics)
    if labels is not None:
        shown = (*shown, tfma_metrics.CONFUSION_MATRIX, tfma_metrics.RELIABILITY)
        if len(labels) == 2:
            shown = (*shown, tfma_metrics.SCORE_HISTOGRAM)
    configured = [_metric(name, labels, _thresholds(config, name)) for name in shown]
    configured.append(config_pb2.MetricConfig(class_name="ExampleCount"))
    model = config_pb2.ModelSpec(
        # Raw examples go through a signature of the exported model, so that we measure exactly
        # what is pushed.
        signature_name=SERVING_TF_EXAMPLES,
        preprocessing_function_names=["transform_features"],
        label_key="label_ids",
        prediction_key="scores",
        model_type="tf_generic",
    )
    slices = [config_pb2.SlicingSpec()]
    sliced = dict.fromkeys((*config.slice_by, *config.slice_thresholds))
    slices += [config_pb2.SlicingSpec(feature_keys=[feature]) for feature in sliced]
    return config_pb2.EvalConfig(
        model_specs=[model],
        slicing_specs=slices,
        metrics_specs=[config_pb2.MetricsSpec(metrics=configured)],
    )


def measured(config: EvaluationConfig, metrics: Sequence[str]) -> tuple[str, ...]:
    """Returns the metrics to show, followed by the others that thresholds bound."""
    on_slices = (
        name
        for by_value in config.slice_thresholds.values()
        for thresholds in by_value.values()
        for name in thresholds
    )
    return tuple(dict.fromkeys((*metrics, *config.thresholds, *on_slices)))


def _metric(
    name: str,
    labels: Sequence[str] | None,
    thresholds: list[config_pb2.PerSliceMetricThreshold],
) -> config_pb2.MetricConfig:
    arguments: dict[str, object] = {"name": name}
    if labels is not None:
        arguments["labels"] = list(labels)
    return config_pb2.MetricConfig(
        class_name=tfma_metrics.TextMetric.__name__,
        module=tfma_metrics.__name__,
        config=json.dumps(arguments),
        # A threshold without slices would apply to every slice, not only to the whole data set.
        per_slice_thresholds=thresholds,
    )


def _thresholds(config: EvaluationConfig, metric: str) -> list[config_pb2.PerSliceMetricThreshold]:
    """Makes the bounds of a metric: on the whole data set, and on slices that have their own."""
    found = []
    if metric in config.thresholds:
        found.append(_on_slice(config_pb2.SlicingSpec(), config.thresholds[metric]))
    for feature, values in config.slice_thresholds.items():
        for value, thresholds in values.items():
            if metric in thresholds:
                spec = config_pb2.SlicingSpec(feature_values={feature: value})
                found.append(_on_slice(spec, thresholds[metric]))
    return found


def _on_slice(
    spec: config_pb2.SlicingSpec, threshold: Threshold
) -> config_pb2.PerSliceMetricThreshold:
    result = config_pb2.MetricThreshold()
    if threshold.minimum is not None:
        result.value_threshold.lower_bound.value = threshold.minimum
    if threshold.maximum is not None:
        result.value_threshold.upper_bound.value = threshold.maximum
    if threshold.maximum_drop is not None:
        result.change_threshold.direction = config_pb2.MetricDirection.HIGHER_IS_BETTER
        result.change_threshold.absolute.value = -threshold.maximum_drop - SLACK
    if threshold.maximum_rise is not None:
        result.change_threshold.direction = config_pb2.MetricDirection.LOWER_IS_BETTER
        result.change_threshold.absolute.value = threshold.maximum_rise + SLACK
    return config_pb2.PerSliceMetricThreshold(slicing_specs=[spec], threshold=result)
