"""What the user interfaces of Kubeflow Pipelines and Vertex AI draw of an evaluation.

They draw artifacts of their own types (`system.Metrics`, `system.ClassificationMetrics`,
`system.HTML`), which TFX cannot make. `run` is a task of its own behind the Evaluator.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from components import files
from components.evaluator.names import REPORT_NAME, RESULTS_NAME

EVALUATION_KEY = "evaluation"
# Output and type, in the order in which the interfaces list them.
OUTPUTS: Mapping[str, str] = {
    "metrics": "system.Metrics",
    "classification": "system.ClassificationMetrics",
    "report": "system.HTML",
}


def scalar_metrics(results: Mapping[str, Any]) -> dict[str, float]:
    """What `system.Metrics` shows: the metrics, and 1 or 0 for the verdict."""
    metrics = {
        name: float(value)
        for name, value in results["metrics"].items()
        if value is not None and math.isfinite(value)
    }
    return {**metrics, "blessed": float(results["blessed"])}


def classification_metrics(results: Mapping[str, Any]) -> dict[str, Any]:
    """What `system.ClassificationMetrics` shows: confusion matrix and ROC, where there are any."""
    # The SDK knows the format; it takes a second to import, which --help does without.
    from kfp import dsl

    shown = dsl.ClassificationMetrics()
    confusion = results.get("confusion")
    if confusion:
        shown.log_confusion_matrix(confusion["labels"], confusion["matrix"])
    points = [
        point
        for point in results.get("roc") or ()
        if all(value is not None for value in point.values())
    ]
    if points:
        shown.log_roc_curve(
            [point["false_positive_rate"] for point in points],
            [point["recall"] for point in points],
            [point["threshold"] for point in points],
        )
    return dict(shown.metadata)


def run(inputs: Mapping[str, str], outputs: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Reads an evaluation and writes what is drawn.

    Args:
        inputs: the folder of the evaluation.
        outputs: path of the report among those of `OUTPUTS`; the others are metadata alone.

    Returns:
        The outputs' metadata.

    Raises:
        NoSuchFilesError: if the evaluation lacks its results or its report.
    """
    evaluation = inputs[EVALUATION_KEY]
    results = json.loads(files.read_bytes(files.join(evaluation, RESULTS_NAME)))
    report = files.read_bytes(files.join(evaluation, REPORT_NAME))
    files.write_bytes(outputs["report"], report)
    return {
        "metrics": scalar_metrics(results),
        "classification": classification_metrics(results),
        "report": {},
    }
