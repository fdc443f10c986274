"""The TFX executor of PretrainingEvaluator."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from tfx import types
from tfx.types import artifact_utils, standard_component_specs

from components import configuration, files, manifest, plain_json, runtime_values
from components.checkpoint_conversion import checkpoint_path
from components.checkpoint_conversion.errors import WeightsError
from components.evaluator import (
    blessing,
    circumstances,
    counts_table,
    data_notices,
    gate,
    shipped_files,
    training_history,
)
from components.evaluator import report as report_lib
from components.evaluator.names import RESULTS_NAME
from components.evaluator.pretraining.config import PretrainingEvaluationConfig
from components.evaluator.records_evaluator import RECORDS_KEY, SETTINGS_KEY
from components.evaluator.report_content import DataReport, Report
from components.export import saved_model_records
from components.modeling.config import XLNetConfig
from components.trainer.pretraining import pretrain
from components.trainer.pretraining.pretrain import PretrainingConfig


class Executor(blessing.BlessingExecutor):
    """Measures the model and the latest blessed one on the split "eval".

    The model's memory carries over from one segment to the next, so a single process reads the
    split in order instead of sharing it among Beam workers.
    """

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates, and writes the scores, the report and the blessing.

        Args:
            input_dict: `records` (made by `PretrainingPreprocessor`), `model`, and optionally
                `baseline_model` and `model_run`.
            output_dict: `evaluation` and `blessing`.
            exec_properties: `settings`, a JSON object with "title", "evaluation", "pretraining"
                and "lineage"; and optionally `thresholds`, which replace those in "evaluation".

        Raises:
            ManifestError: if the model was trained on records made with other settings.
        """
        settings = json.loads(
            runtime_values.merge_evaluation(exec_properties[SETTINGS_KEY], exec_properties)
        )
        config = configuration.build(
            PretrainingEvaluationConfig, settings["evaluation"], where="evaluation"
        )
        run = configuration.build(PretrainingConfig, settings["pretraining"], where="pretraining")
        records_dir = artifact_utils.get_single_uri(input_dict[RECORDS_KEY])
        directory = artifact_utils.get_single_uri(
            output_dict[standard_component_specs.EVALUATION_KEY]
        )
        models = input_dict[standard_component_specs.MODEL_KEY]
        training = training_history.read(input_dict)
        lineage = {
            **settings["lineage"],
            **training.lineage,
            "model": artifact_utils.get_single_uri(models),
            "records": records_dir,
            **circumstances.now(),
        }
        made = manifest.read(records_dir)
        metrics = _measure(run, records_dir, blessing.model_path(models))
        before = None
        if input_dict.get(standard_component_specs.BASELINE_MODEL_KEY):
            path = blessing.model_path(input_dict[standard_component_specs.BASELINE_MODEL_KEY])
            try:
                before = _measure(run, records_dir, path)
            except (manifest.ManifestError, WeightsError) as error:
                input_dict, line = blessing.without_baseline(input_dict, str(error))
                lineage |= line
        verdict = gate.judge(metrics, baseline=before, thresholds=config.thresholds)
        notices = data_notices.of_pretraining(made)
        report = Report(
            title=settings["title"],
            blessed=verdict.blessed,
            failures=verdict.failures,
            metrics=verdict.rows,
            slices=[],
            labels=None,
            confusion=None,
            history=training.curves,
            repeats=training.repeats,
            lineage=lineage,
            data=DataReport([counts_table.make(made)]),
            notices=[notice.text for notice in notices if notice.is_much],
            data_line=data_notices.sentence(notices),
        )
        report_lib.write(report, directory)
        shipped_files.write(directory, report, kind="pretraining", split="eval")
        results = {
            "blessed": verdict.blessed,
            "failures": list(verdict.failures),
            "metrics": plain_json.finite(metrics),
            "baseline": plain_json.finite(before) if before else None,
            "data": data_notices.sentence(notices),
        }
        text = json.dumps(results, indent=2, sort_keys=True) + "\n"
        files.write_bytes(files.join(directory, RESULTS_NAME), text.encode())
        blessing.write(input_dict, output_dict, exec_properties, blessed=verdict.blessed)


def _measure(run: PretrainingConfig, records_dir: str, model_path: str) -> dict[str, float]:
    """Measures a model, whose sizes may differ from those of this run.

    Args:
        run: configuration of the training.
        records_dir: folder of the records.
        model_path: folder of the exported model.
    """
    saved_model_records.check(model_path, manifest.read(records_dir))
    sizes = XLNetConfig.read(files.join(model_path, checkpoint_path.CONFIG_NAME))
    return pretrain.evaluate(
        dataclasses.replace(run, model=sizes), records_dir=records_dir, weights=model_path
    )
