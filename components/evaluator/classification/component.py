"""TFX component of the Evaluator: TFX's own, with the training's curves and a report."""

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
    """What goes in and out: as for TFX's Evaluator, and what the report needs."""

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
    """Measures a model on raw examples, judges it by thresholds, and reports.

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
        metric_names: Sequence[str],
        labels: Sequence[str] | None,
        title: str,
        lineage: Mapping[str, str],
        records: types.BaseChannel | None = None,
        statistics: types.BaseChannel | None = None,
        anomalies: types.BaseChannel | None = None,
    ):
        """Sets up the component.

        Args:
            examples: raw Examples; the split "eval" is used.
            model: exported model.
            model_run: of the Trainer.
            baseline_model: latest blessed model.
            config: thresholds and slices.
            metric_names: of the task.
            labels: in the order of their ids; None for regression.
            title: of the report.
            lineage: what the report lists under "made from", by name.
            records: that were made of the examples; the report shows labels and lengths.
            statistics: of the examples, by StatisticsGen; the report shows them.
            anomalies: of the examples, by ExampleValidator; the report lists them.

        Raises:
            ValueError: if a metric is none of the task's, or a threshold names another one.
        """
        check_metrics(tuple(metric_names), None if labels is None else len(labels))
        eval_config = tfma_config.make_eval_config(
            config,
            metric_names=tuple(metric_names),
            num_classes=None if labels is None else len(labels),
        )
        settings = {
            "title": title,
            "evaluation": configuration.to_plain(config),
            "metric_names": list(metric_names),
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
