"""Reads TFMA's output files and turns them into rows of the report."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow_model_analysis as tfma

from components.evaluator.classification import roc, tfma_metrics
from components.evaluator.config import EvaluationConfig
from components.evaluator.report_content import MetricRow, SliceRow

_EXAMPLE_COUNT = "example_count"


@dataclasses.dataclass(frozen=True)
class EvaluationResults:
    """What TFMA measured and decided.

    Attributes:
        blessed: whether the model meets all thresholds.
        failures: why the model is not blessed, a sentence for each reason; empty if it is.
        metrics: headline metrics.
        slices: metrics of parts of the data.
        confusion: counts by label (row) and prediction (column), int [K, K]; None for regression.
        roc: ROC curve of a task with two labels; empty for other tasks.
    """

    blessed: bool
    failures: tuple[str, ...]
    metrics: tuple[MetricRow, ...]
    slices: tuple[SliceRow, ...]
    confusion: np.ndarray | None
    roc: tuple[roc.RocPoint, ...] = ()


def read(
    directory: str, config: EvaluationConfig, *, metric_names: tuple[str, ...]
) -> EvaluationResults:
    """Reads a folder that TFMA wrote.

    Args:
        directory: folder with TFMA's output files.
        config: the thresholds that were applied.
        metric_names: metrics of the task, in the order in which the report shows them.
    """
    candidate = _by_slice(directory, baseline=False)
    baseline = _by_slice(directory, baseline=True).get((), {})
    overall = candidate[()]
    rows = tuple(
        _metric_row(name, overall[name], baseline.get(name), config) for name in metric_names
    )
    slices = tuple(
        SliceRow(
            name=", ".join(f"{feature} = {value}" for feature, value in key),
            count=int(values[_EXAMPLE_COUNT]),
            metrics={name: values[name] for name in metric_names if name in values},
        )
        for key, values in sorted(candidate.items(), key=lambda item: str(item[0]))
        if key
    )
    confusion = overall.get(tfma_metrics.CONFUSION_MATRIX)
    histogram = overall.get(tfma_metrics.SCORE_HISTOGRAM)
    validation = tfma.load_validation_result(directory)
    return EvaluationResults(
        blessed=validation.validation_ok,
        failures=tuple(_failures(validation)),
        metrics=rows,
        slices=slices,
        confusion=None if confusion is None else np.asarray(confusion).astype(int),
        roc=() if histogram is None else tuple(roc.curve(np.asarray(histogram))),
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
            if threshold.HasField("value_threshold"):
                bound = threshold.value_threshold.lower_bound.value
                yield (
                    f"{failure.metric_key.name}{where} is {value:.4f}, below the minimum of "
                    f"{bound:.4f}"
                )
            else:
                allowed = -threshold.change_threshold.absolute.value
                yield (
                    f"{failure.metric_key.name}{where} is {-value:.4f} lower than that of the "
                    f"latest blessed model, and at most {allowed:.4f} is allowed"
                )
    for spec in validation.missing_slices:
        where = [*spec.feature_keys, *(f"{k} = {v}" for k, v in spec.feature_values.items())]
        yield f"no example belongs to the slice {', '.join(where)}, which has a threshold"
