"""Reads TFMA's output files and turns them into rows of the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow_model_analysis as tfma

from components.evaluator.classification import calibration, roc, tfma_config, tfma_metrics
from components.evaluator.classification.results import EvaluationResults
from components.evaluator.config import SLACK, EvaluationConfig
from components.evaluator.report_content import MetricRow, SliceRow
from components.shown_number import apart

_EXAMPLE_COUNT = "example_count"


def read(
    directory: str,
    config: EvaluationConfig,
    *,
    metrics: Sequence[str],
    slice_metrics: Sequence[str],
) -> EvaluationResults:
    """Reads a folder that TFMA wrote.

    Args:
        directory: folder with TFMA's output files.
        config: the thresholds that were applied.
        metrics: metrics to show, in this order; those that have thresholds follow.
        slice_metrics: metrics to show of slices, in addition to those that have thresholds there.
    """
    candidate = _by_slice(directory, baseline=False)
    baseline = _by_slice(directory, baseline=True).get((), {})
    overall = candidate[()]
    rows = tuple(
        _metric_row(name, overall[name], baseline.get(name), config)
        for name in tfma_config.measured(config, metrics)
    )
    bounded = {
        name
        for by_value in config.slice_thresholds.values()
        for thresholds in by_value.values()
        for name in thresholds
    }
    shown = [name for name in (row.name for row in rows) if name in {*slice_metrics, *bounded}]
    slices = tuple(
        SliceRow(
            name=", ".join(f"{feature} = {value}" for feature, value in key),
            count=int(values[_EXAMPLE_COUNT]),
            metrics={name: values[name] for name in shown if name in values},
        )
        for key, values in sorted(candidate.items(), key=lambda item: str(item[0]))
        if key
    )
    confusion = overall.get(tfma_metrics.CONFUSION_MATRIX)
    histogram = overall.get(tfma_metrics.SCORE_HISTOGRAM)
    binned = overall.get(tfma_metrics.RELIABILITY)
    validation = tfma.load_validation_result(directory)
    return EvaluationResults(
        blessed=validation.validation_ok,
        failures=tuple(_failures(validation)),
        metrics=rows,
        slices=slices,
        confusion=None if confusion is None else np.asarray(confusion).astype(int),
        roc=() if histogram is None else tuple(roc.curve(np.asarray(histogram))),
        reliability=() if binned is None else tuple(calibration.reliability(binned)),
    )


def _by_slice(directory: str, *, baseline: bool) -> dict[tuple, Mapping[str, object]]:
    """Reads the values of the metrics by slice.

    A slice is a tuple of pairs of a feature and its value; () stands for the whole data set.
    """
    by_slice: dict[tuple, dict[str, object]] = {}
    for record in tfma.load_metrics(directory):
        values = by_slice.setdefault(_slice_key(record.slice_key), {})
        for item in record.metric_keys_and_values:
            is_baseline = item.key.model_name == tfma.BASELINE_KEY
            if item.key.is_diff or is_baseline != baseline:
                continue
            values[item.key.name] = _value(item.value)
    return by_slice


def _slice_key(slice_key) -> tuple[tuple[str, object], ...]:
    return tuple((part.column, _slice_value(part)) for part in slice_key.single_slice_keys)


def _slice_name(key: tuple[tuple[str, object], ...]) -> str:
    """Describes a slice in words that follow a metric's name; empty for the whole data set."""
    return "".join(f" where {feature} = {value}" for feature, value in key)


def _slice_value(part) -> object:
    kind = part.WhichOneof("kind")
    value = getattr(part, kind)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _value(value) -> object:
    if value.WhichOneof("type") == "array_value":
        array = value.array_value
        return np.asarray(array.float64_values).reshape(list(array.shape))
    return value.double_value.value


def _metric_row(
    name: str, value: float, baseline: float | None, config: EvaluationConfig
) -> MetricRow:
    return MetricRow(
        name=name, value=value, baseline=baseline, threshold=config.thresholds.get(name)
    )


def _failures(validation) -> Iterator[str]:
    """Yields the reasons against the model, as TFMA's verdict has them; nothing is recomputed."""
    for part in validation.metric_validations_per_slice:
        where = _slice_name(_slice_key(part.slice_key))
        for failure in part.failures:
            value = failure.metric_value.double_value.value
            threshold = failure.metric_threshold
            bounds, change = threshold.value_threshold, threshold.change_threshold
            if bounds.HasField("lower_bound"):
                shown, bound = apart(value, bounds.lower_bound.value)
                is_wrong = f"{shown}, below the minimum of {bound}"
            elif bounds.HasField("upper_bound"):
                shown, bound = apart(value, bounds.upper_bound.value)
                is_wrong = f"{shown}, above the maximum of {bound}"
            else:
                how = "lower" if value < 0 else "higher"
                shown, bound = apart(abs(value), abs(change.absolute.value) - SLACK)
                is_wrong = (
                    f"{shown} {how} than that of the latest blessed model, and at most {bound} is "
                    "allowed"
                )
            yield f"{failure.metric_key.name}{where} is {is_wrong}"
    for spec in validation.missing_slices:
        where = [*spec.feature_keys, *(f"{k} = {v}" for k, v in spec.feature_values.items())]
        yield f"no example belongs to the slice {', '.join(where)}, which has a threshold"
