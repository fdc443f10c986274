"""From TFMA's output files to the rows of a report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow_model_analysis as tfma

from components.evaluator import tfma_metrics
from components.evaluator.config import EvaluationConfig
from components.evaluator.report import MetricRow, SliceRow

_EXAMPLE_COUNT = "example_count"


@dataclasses.dataclass(frozen=True)
class EvaluationResults:
    """What TFMA measured and decided.

    Attributes:
        blessed: whether every threshold holds.
        metrics: headline metrics, with the reason where one fails.
        slices: metrics of parts of the data, by name.
        confusion: int [K, K], or None for regression.
    """

    blessed: bool
    metrics: tuple[MetricRow, ...]
    slices: tuple[SliceRow, ...]
    confusion: np.ndarray | None


def read(
    directory: str, config: EvaluationConfig, *, metric_names: tuple[str, ...]
) -> EvaluationResults:
    """Reads a folder that TFMA wrote.

    Args:
        directory: TFMA's output.
        config: thresholds that were applied.
        metric_names: metrics of the task, in the order to show.
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
    return EvaluationResults(
        blessed=tfma.load_validation_result(directory).validation_ok,
        metrics=rows,
        slices=slices,
        confusion=None if confusion is None else np.asarray(confusion).astype(int),
    )


def _by_slice(directory: str, *, baseline: bool) -> dict[tuple, Mapping[str, object]]:
    """Metric values by slice key, a tuple of (feature, value); () is everything."""
    by_slice: dict[tuple, dict[str, object]] = {}
    for record in tfma.load_metrics(directory):
        key = tuple(
            (part.column, _slice_value(part)) for part in record.slice_key.single_slice_keys
        )
        values = by_slice.setdefault(key, {})
        for item in record.metric_keys_and_values:
            is_baseline = item.key.model_name == tfma.BASELINE_KEY
            if item.key.is_diff or is_baseline != baseline:
                continue
            values[item.key.name] = _value(item.value)
    return by_slice


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
    threshold = config.thresholds.get(name)
    if threshold is None:
        return MetricRow(name=name, value=value, baseline=baseline)
    failures = []
    if threshold.minimum is not None and not value >= threshold.minimum:
        failures.append(f"{name} is {value:.4f}, below the minimum of {threshold.minimum:.4f}")
    drop = threshold.maximum_drop
    if drop is not None and baseline is not None and not value >= baseline - drop - 1e-9:
        failures.append(
            f"{name} is {value:.4f}; the latest blessed model has {baseline:.4f}, and at most "
            f"{drop:.4f} less is allowed"
        )
    return MetricRow(
        name=name,
        value=value,
        baseline=baseline,
        minimum=threshold.minimum,
        maximum_drop=drop,
        failure="; ".join(failures),
    )
