"""Makes artifacts that the user interfaces of Kubeflow Pipelines and Vertex AI can draw.

They draw artifacts of their own types (`system.Metrics`, `system.ClassificationMetrics`,
`system.HTML`), which TFX cannot make. `run` is therefore a separate task after the Evaluator, which
`pipeline.visualization` adds to compiled pipelines.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from components import files
from components.evaluator.names import REPORT_NAME, RESULTS_NAME

EVALUATION_KEY = "evaluation"
# Types of the outputs by name, in the order in which the user interfaces list them.
OUTPUTS: Mapping[str, str] = {
    "metrics": "system.Metrics",
    "classification": "system.ClassificationMetrics",
    "report": "system.HTML",
}


def scalar_metrics(results: Mapping[str, Any]) -> dict[str, float]:
    """Makes the content of `system.Metrics`: the finite metrics, and "blessed" as 1 or 0.

    Args:
        results: content of `results.json`.
    """
    metrics = {
        name: float(value)
        for name, value in results["metrics"].items()
        if value is not None and math.isfinite(value)
    }
    return {**metrics, "blessed": float(results["blessed"])}


def classification_metrics(results: Mapping[str, Any]) -> dict[str, Any]:
    """Makes the content of `system.ClassificationMetrics`: confusion matrix and ROC, if any.

    Args:
        results: content of `results.json`.
    """
    # The SDK knows the format. It takes a second to import, so it is not imported for --help.
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
    """Reads an evaluation, copies its report, and makes metadata of its results.

    Args:
        inputs: folder of the evaluation, under the key "evaluation".
        outputs: paths of the outputs by their names in `OUTPUTS`. Only "report" is written; the
            others consist of metadata.

    Returns:
        The metadata of each output, by name.

    Raises:
        NoSuchFilesError: if the evaluation has no results or no report.
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
