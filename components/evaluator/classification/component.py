"""The TFX component that evaluates classification, regression and multiple choice.

It does what TFX's own Evaluator does, and adds a report with the training's curves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components import configuration, runtime_values
from components.evaluator.classification import executor, tfma_config
from components.evaluator.config import EvaluationConfig
from components.example_gen.classification.dataset import check_metrics


class EvaluatorSpec(types.ComponentSpec):
    """Inputs, outputs and parameters: those of TFX's Evaluator and those that the report needs."""

    PARAMETERS = {
        **standard_component_specs.EvaluatorSpec.PARAMETERS,
        "report_settings": component_spec.ExecutionParameter(type=str),
        runtime_values.THRESHOLDS_KEY: component_spec.ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {
        **standard_component_specs.EvaluatorSpec.INPUTS,
        "model_run": component_spec.ChannelParameter(
            type=standard_artifacts.ModelRun, optional=True
        ),
        "records": component_spec.ChannelParameter(type=standard_artifacts.Examples, optional=True),
        "statistics": component_spec.ChannelParameter(
            type=standard_artifacts.ExampleStatistics, optional=True
        ),
        "anomalies": component_spec.ChannelParameter(
            type=standard_artifacts.ExampleAnomalies, optional=True
        ),
    }
    OUTPUTS = standard_component_specs.EvaluatorSpec.OUTPUTS


class Evaluator(base_beam_component.BaseBeamComponent):
    """Measures a model on raw examples, applies the thresholds, and writes the report.

    Outputs: `evaluation` (ModelEvaluation with `report.html` and `results.json`), `blessing`
    (ModelBlessing).
    """

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        model_run: types.BaseChannel,
        baseline_model: types.BaseChannel | None,
        config: EvaluationConfig,
        metrics: Sequence[str],
        labels: Sequence[str] | None,
        title: str,
        lineage: Mapping[str, str],
        metrics_beside: Sequence[str] = (),
        records: types.BaseChannel | None = None,
        statistics: types.BaseChannel | None = None,
        anomalies: types.BaseChannel | None = None,
    ):
        """Sets up the component.

        Args:
            examples: raw examples, of which the split "eval" is used.
            model: the exported model.
            model_run: the Trainer's output with the training curves, for the report.
            baseline_model: the latest blessed model; None to compare with nothing.
            config: thresholds that the model has to reach, and slices to show.
            metrics: metrics of the task, which are shown for slices as well.
            labels: labels in the order of their ids; None for regression.
            title: title of the report.
            lineage: what the report lists under "Made from", by name.
            metrics_beside: further metrics to show, of the whole split.
            records: records made from the examples, of which the report shows labels and lengths.
            statistics: statistics of the examples made by StatisticsGen, for the report.
            anomalies: anomalies of the examples found by ExampleValidator, for the report.

        Raises:
            ValueError: if a metric does not fit the task, or a threshold names an unknown metric.
        """
        check_metrics(metrics, labels)
        eval_config = tfma_config.make_eval_config(
            config, metrics=[*metrics, *metrics_beside], labels=labels
        )
        settings = {
            "title": title,
            "evaluation": configuration.to_plain(config),
            "metrics": list(metrics),
            "metrics_beside": list(metrics_beside),
            "labels": None if labels is None else list(labels),
            "lineage": dict(lineage),
        }
        super().__init__(
            spec=EvaluatorSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                model_run=model_run,
                records=records,
                statistics=statistics,
                anomalies=anomalies,
                eval_config=eval_config,
                example_splits=json_utils.dumps(["eval"]),
                fairness_indicator_thresholds=json_utils.dumps(None),
                report_settings=json.dumps(settings, sort_keys=True),
                evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
