"""Translates our evaluation settings into a configuration for TFMA."""

from __future__ import annotations

import json

# Only in the older stack does TFMA itself export these messages.
from tensorflow_model_analysis.proto import config_pb2

from components.evaluator.classification import tfma_metrics
from components.evaluator.config import EvaluationConfig, Threshold
from components.export.signatures import SERVING_TF_EXAMPLES


def make_eval_config(
    config: EvaluationConfig,
    *,
    metric_names: tuple[str, ...],
    num_classes: int | None,
) -> config_pb2.EvalConfig:
    """Makes TFMA's configuration: what to measure on which slices, and the thresholds.

    Args:
        config: thresholds and slices.
        metric_names: metrics of the task.
        num_classes: number of labels; None for regression.

    Raises:
        ValueError: if a threshold names an unknown metric, or bounds one from the wrong side.
    """
    config.check_metrics(metric_names)
    shown = metric_names if num_classes is None else (*metric_names, tfma_metrics.CONFUSION_MATRIX)
    if num_classes == 2:
        shown = (*shown, tfma_metrics.SCORE_HISTOGRAM)
    metrics = [_metric(name, num_classes, _thresholds(config, name)) for name in shown]
    metrics.append(config_pb2.MetricConfig(class_name="ExampleCount"))
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
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
    )


def _metric(
    name: str, num_classes: int | None, thresholds: list[config_pb2.PerSliceMetricThreshold]
) -> config_pb2.MetricConfig:
    arguments: dict[str, object] = {"name": name}
    if num_classes is not None:
        arguments["num_classes"] = num_classes
    return config_pb2.MetricConfig(
        class_name=tfma_metrics.GlueMetric.__name__,
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
    if threshold.maximum_drop is not None:
        result.change_threshold.direction = config_pb2.MetricDirection.HIGHER_IS_BETTER
        # TFMA requires `change > absolute`, so subtract a little to let an equal model pass.
        result.change_threshold.absolute.value = -threshold.maximum_drop - 1e-9
    return config_pb2.PerSliceMetricThreshold(slicing_specs=[spec], threshold=result)
