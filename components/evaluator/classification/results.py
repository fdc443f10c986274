"""What an evaluation of texts with labels or numbers found, and the content of `results.json`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from components import classification_metrics, plain_json
from components.evaluator.classification.roc import RocPoint
from components.evaluator.report_content import MetricRow, ReliabilityBin, SliceRow


@dataclasses.dataclass(frozen=True)
class EvaluationResults:
    """What was measured and decided.

    Attributes:
        blessed: whether the model meets all thresholds; None if there are none.
        failures: why the model is not blessed, a sentence for each reason; empty if it is.
        metrics: headline metrics.
        slices: metrics of parts of the data.
        confusion: counts by label (row) and prediction (column), int [K, K]; None for regression.
        roc: ROC curve of a task with two labels; empty for other tasks.
        reliability: bins of the reliability curve; empty for regression.
    """

    blessed: bool | None
    failures: tuple[str, ...]
    metrics: tuple[MetricRow, ...]
    slices: tuple[SliceRow, ...]
    confusion: np.ndarray | None
    roc: tuple[RocPoint, ...] = ()
    reliability: tuple[ReliabilityBin, ...] = ()


def summary(
    results: EvaluationResults, *, labels: Sequence[str] | None, data: str
) -> dict[str, Any]:
    """Makes the content of `results.json`.

    Args:
        results: what was measured.
        labels: labels in the order of their ids; None for regression.
        data: one line about what was left out, cut or unknown to the vocabulary.
    """
    confusion = results.confusion
    return {
        "blessed": results.blessed,
        "metrics": plain_json.finite({row.name: row.value for row in results.metrics}),
        "failures": list(results.failures),
        "slices": [
            {**dataclasses.asdict(row), "metrics": plain_json.finite(row.metrics)}
            for row in results.slices
        ],
        "confusion": None
        if confusion is None
        else {"labels": list(labels), "matrix": confusion.tolist()},
        "classes": {} if confusion is None else _classes(confusion, labels),
        "reliability": [dataclasses.asdict(found) for found in results.reliability],
        "data": data,
        "roc": [plain_json.finite(dataclasses.asdict(point)) for point in results.roc],
    }


def _classes(confusion: np.ndarray, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    scores = classification_metrics.by_class(confusion)
    rows = zip(scores.precision, scores.recall, scores.f1, scores.support, strict=True)
    return {
        label: {
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "examples": int(support),
        }
        for label, (precision, recall, f1, support) in zip(labels, rows, strict=True)
    }
