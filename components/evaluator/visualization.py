"""What the user interfaces of Kubeflow Pipelines and Vertex AI draw of an evaluation.

They draw artifacts of their own types (`system.Metrics`, `system.ClassificationMetrics`,
`system.HTML`), which TFX cannot make. This is a task of its own behind the Evaluator, started as

    python -m components.evaluator.visualization --executor-input JSON
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
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


def run(executor_input: Mapping[str, Any]) -> None:
    """Reads an evaluation and writes what is drawn.

    Args:
        executor_input: of the orchestrator: URIs of the input and the outputs, and the file in
            which it looks for the outputs' metadata.

    Raises:
        NoSuchFilesError: if the evaluation lacks its results or its report.
    """
    (evaluation,) = executor_input["inputs"]["artifacts"][EVALUATION_KEY]["artifacts"]
    results = json.loads(files.read_bytes(files.join(evaluation["uri"], RESULTS_NAME)))
    metadata = {
        "metrics": scalar_metrics(results),
        "classification": classification_metrics(results),
        "report": {},
    }
    outputs = executor_input["outputs"]["artifacts"]
    report = files.read_bytes(files.join(evaluation["uri"], REPORT_NAME))
    files.write_bytes(outputs["report"]["artifacts"][0]["uri"], report)
    written = {
        name: {
            "artifacts": [
                {key: value for key, value in artifact.items() if key in ("name", "uri")}
                | {"metadata": metadata[name]}
                for artifact in outputs[name]["artifacts"]
            ]
        }
        for name in OUTPUTS
    }
    text = json.dumps({"artifacts": written}, indent=2, sort_keys=True) + "\n"
    files.write_bytes(executor_input["outputs"]["outputFile"], text.encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the task."""
    parser = argparse.ArgumentParser(prog="python -m components.evaluator.visualization")
    parser.add_argument("--executor-input", required=True, metavar="JSON")
    run(json.loads(parser.parse_args(arguments).executor_input))


if __name__ == "__main__":
    main()
