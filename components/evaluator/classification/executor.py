"""The TFX executor of the Evaluator: TFMA measures and decides, and the report explains why."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfx import types
from tfx.components.evaluator import executor as tfx_executor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from components import (
    configuration,
    files,
    manifest,
    runtime_values,
    tf_examples,
    tfrecords,
)
from components.evaluator import (
    blessing,
    circumstances,
    data_notices,
    shipped_files,
    training_history,
)
from components.evaluator import report as report_lib
from components.evaluator.classification import (
    comparability,
    data_statistics,
    tfma_config,
    tfma_results,
    wrong_texts,
)
from components.evaluator.classification import results as results_lib
from components.evaluator.config import EvaluationConfig
from components.evaluator.names import RESULTS_NAME
from components.evaluator.report_content import Report
from components.preprocessing.classification import label_check

_SPLIT = "eval"
# How many examples are looked at to find some of different labels.
_MAX_LOOKED_AT = 500

SETTINGS_KEY = "report_settings"


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
            input_dict: the inputs of TFX's Evaluator, of which "baseline_model" is left out if it
                has other labels; optionally, for the report, "model_run" with the training curves,
                and "records", "statistics" and "anomalies" of the examples.
            output_dict: "evaluation" and "blessing".
            exec_properties: those of TFX's Evaluator; "report_settings", a JSON object with
                "title", "evaluation", "metrics", "metrics_beside", "labels" and "lineage"; and
                optionally "thresholds", which replace those in "evaluation".
        """
        exec_properties = with_runtime_thresholds(exec_properties)
        settings = json.loads(exec_properties[SETTINGS_KEY])
        pattern = files.all_in(artifact_utils.get_split_uri(input_dict["examples"], _SPLIT))
        _check_labels(pattern, settings["labels"])
        first = list(itertools.islice(_read(pattern), _MAX_LOOKED_AT))
        kind = _kind(settings["labels"], first)
        without: dict[str, str] = {}
        if baseline := input_dict.get(standard_component_specs.BASELINE_MODEL_KEY):
            reason = comparability.obstacle(
                blessing.model_path(baseline), kind=kind, labels=settings["labels"]
            )
            if reason:
                # TFX then ignores the bounds of the change, as it does before the first blessing.
                input_dict, without = blessing.without_baseline(input_dict, reason)
        super().Do(input_dict, output_dict, exec_properties)
        directory = artifact_utils.get_single_uri(output_dict["evaluation"])
        results = tfma_results.read(
            directory,
            configuration.build(EvaluationConfig, settings["evaluation"], where="evaluation"),
            metrics=[*settings["metrics"], *settings["metrics_beside"]],
            slice_metrics=settings["metrics"],
        )
        training = training_history.read(input_dict)
        examples = artifact_utils.get_single_uri(input_dict["examples"])
        lineage = {
            **settings["lineage"],
            **training.lineage,
            "model": artifact_utils.get_single_uri(input_dict["model"]),
            "examples": examples,
            **circumstances.now(),
            **without,
        }
        records = input_dict.get("records")
        notices = data_notices.of_classification(
            data_statistics.row_counts(examples),
            manifest.read(artifact_utils.get_single_uri(records)) if records else None,
        )
        report = Report(
            title=settings["title"],
            blessed=results.blessed,
            failures=results.failures,
            metrics=results.metrics,
            slices=results.slices,
            labels=settings["labels"],
            confusion=results.confusion,
            reliability=results.reliability,
            history=training.curves,
            repeats=training.repeats,
            lineage=lineage,
            wrong_examples=wrong_texts.find(
                blessing.model_path(input_dict["model"]),
                pattern,
                labels=settings["labels"],
            ),
            data=data_statistics.read(
                examples=examples,
                labels=settings["labels"],
                **{
                    name: artifact_utils.get_single_uri(input_dict[name])
                    for name in ("records", "statistics", "anomalies")
                    if input_dict.get(name)
                },
            ),
            notices=[notice.text for notice in notices if notice.is_much],
            data_line=data_notices.sentence(notices),
        )
        report_lib.write(report, directory)
        shipped_files.write(
            directory,
            report,
            kind=kind,
            split=_SPLIT,
            examples=shipped_files.rows_to_try(first),
        )
        summary = results_lib.summary(results, labels=settings["labels"], data=report.data_line)
        text = json.dumps(summary, indent=2) + "\n"
        files.write_bytes(files.join(directory, RESULTS_NAME), text.encode())


def _read(pattern: str) -> Iterator[Mapping[str, Any]]:
    """Yields the features of all examples."""
    for path in files.expand(pattern, purpose="examples of the evaluation"):
        yield from map(tf_examples.decode, tfrecords.read_records(path))


def _kind(labels: Sequence[str] | None, rows: Sequence[Mapping[str, Any]]) -> str:
    if labels is None:
        return "regression"
    return "multiple_choice" if any(row.get("options") for row in rows) else "classification"


def _check_labels(pattern: str, labels: Sequence[str] | None) -> None:
    """Refuses examples without a usable label.

    In a pipeline, the preprocessing has checked this already. The command can evaluate examples
    that were never preprocessed.
    """
    counts = label_check.count(
        ((features.get("label") or [b""])[0] for features in _read(pattern)),
        labels,
    )
    label_check.check({_SPLIT: counts}, labels)


def with_runtime_thresholds(exec_properties: Mapping[str, Any]) -> dict[str, Any]:
    """Merges thresholds that were given when the run started into the execution properties.

    Raises:
        ConfigurationError, RuntimeValueError: if these thresholds do not fit the task.
    """
    text = runtime_values.merge_evaluation(exec_properties[SETTINGS_KEY], exec_properties)
    rest = {
        name: value
        for name, value in exec_properties.items()
        if name != runtime_values.THRESHOLDS_KEY
    }
    if text == exec_properties[SETTINGS_KEY]:
        return rest
    settings = json.loads(text)
    eval_config = tfma_config.make_eval_config(
        configuration.build(EvaluationConfig, settings["evaluation"], where="evaluation"),
        metrics=[*settings["metrics"], *settings["metrics_beside"]],
        labels=settings["labels"],
    )
    return {
        **rest,
        SETTINGS_KEY: text,
        standard_component_specs.EVAL_CONFIG_KEY: proto_utils.proto_to_json(eval_config),
    }
