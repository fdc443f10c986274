"""TFX executor of the Evaluator: TFMA measures and decides, then the report explains."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.components.evaluator import executor as tfx_executor
from tfx.types import artifact_utils

from components import __version__, configuration, files
from components.evaluator import report as report_lib
from components.evaluator import tfma_results, training_history
from components.evaluator.config import EvaluationConfig
from components.evaluator.names import REPORT_NAME, RESULTS_NAME


class Executor(tfx_executor.Executor):
    """Evaluates as TFX does, then writes `report.html` and `results.json` beside TFMA's files."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the evaluation.

        Args:
            input_dict: as TFX's Evaluator, and "model_run", whose curves the report shows.
            output_dict: "evaluation" and "blessing".
            exec_properties: as TFX's Evaluator, and "report_settings", a JSON object with
                "title", "evaluation", "metric_names", "labels" and "lineage".
        """
        super().Do(input_dict, output_dict, exec_properties)
        settings = json.loads(exec_properties["report_settings"])
        directory = artifact_utils.get_single_uri(output_dict["evaluation"])
        results = tfma_results.read(
            directory,
            configuration.build(EvaluationConfig, settings["evaluation"], where="evaluation"),
            metric_names=tuple(settings["metric_names"]),
        )
        lineage = {
            **settings["lineage"],
            "model": artifact_utils.get_single_uri(input_dict["model"]),
            "examples": artifact_utils.get_single_uri(input_dict["examples"]),
            "code version": __version__,
        }
        report = report_lib.Report(
            title=settings["title"],
            blessed=results.blessed,
            failures=results.failures,
            metrics=results.metrics,
            slices=results.slices,
            labels=settings["labels"],
            confusion=results.confusion,
            history=training_history.read(input_dict),
            lineage=lineage,
        )
        files.write_bytes(
            files.join(directory, REPORT_NAME), report_lib.render(report).encode("utf-8")
        )
        summary = {
            "blessed": results.blessed,
            "metrics": {row.name: row.value for row in results.metrics},
            "failures": list(results.failures),
        }
        text = json.dumps(summary, indent=2, sort_keys=True) + "\n"
        files.write_bytes(files.join(directory, RESULTS_NAME), text.encode())
