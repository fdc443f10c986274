"""TFX executor of the Evaluator: TFMA measures and decides, then the report explains."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.components.evaluator import executor as tfx_executor
from tfx.types import artifact_utils

from components import __version__, configuration, files
from components.evaluator import blessing, tfma_results, training_history, wrong_texts
from components.evaluator import report as report_lib
from components.evaluator.config import EvaluationConfig
from components.evaluator.names import REPORT_NAME, RESULTS_NAME
from components.example_gen.counts_file import COUNTS_FILE_NAME

_SPLIT = "eval"


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
            wrong_examples=wrong_texts.find(
                blessing.model_path(input_dict["model"]),
                files.join(artifact_utils.get_split_uri(input_dict["examples"], _SPLIT), "*"),
                labels=settings["labels"],
            ),
            data=_data(artifact_utils.get_single_uri(input_dict["examples"])),
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


def _data(directory: str) -> report_lib.Table | None:
    """What became of the rows that were read; None for examples that tell nothing of it."""
    try:
        counts = json.loads(files.read_bytes(files.join(directory, COUNTS_FILE_NAME)))
    except files.NoSuchFilesError:
        return None
    header = ("split", "rows read", "used", "blank lines", "left out")
    return report_lib.Table(
        header,
        [
            (
                split,
                f"{found['read']:,}",
                f"{found['produced']:,}",
                f"{found['blank']:,}",
                ", ".join(f"{n:,} {reason}" for reason, n in sorted(found["dead"].items())) or "–",
            )
            for split, found in counts.items()
        ],
    )
