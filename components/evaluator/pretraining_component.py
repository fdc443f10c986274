"""TFX component of the evaluation of pretraining."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components import configuration, runtime_values
from components.evaluator import pretraining_executor as executor
from components.evaluator.pretraining_config import PretrainingEvaluationConfig
from components.trainer.pretraining import PretrainingConfig


class PretrainingEvaluatorSpec(types.ComponentSpec):
    """What goes in and out."""

    PARAMETERS = {
        executor.SETTINGS_KEY: component_spec.ExecutionParameter(type=str),
        runtime_values.THRESHOLDS_KEY: component_spec.ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {
        executor.RECORDS_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        standard_component_specs.MODEL_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Model
        ),
        standard_component_specs.BASELINE_MODEL_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Model, optional=True
        ),
        "model_run": component_spec.ChannelParameter(
            type=standard_artifacts.ModelRun, optional=True
        ),
    }
    OUTPUTS = standard_component_specs.EvaluatorSpec.OUTPUTS


class PretrainingEvaluator(base_beam_component.BaseBeamComponent):
    """Measures a pretrained model on held-out text, judges it, and reports.

    Outputs: `evaluation` (ModelEvaluation with `results.json` and `report.html`), `blessing`
    (ModelBlessing).
    """

    SPEC_CLASS = PretrainingEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        *,
        records: types.BaseChannel,
        model: types.BaseChannel,
        model_run: types.BaseChannel | None,
        baseline_model: types.BaseChannel | None,
        config: PretrainingEvaluationConfig,
        pretraining: PretrainingConfig,
        title: str,
        lineage: Mapping[str, str],
    ):
        """Sets up the component.

        Args:
            records: of `PretrainingPreprocessor`; the split "eval" is used.
            model: exported model.
            model_run: of the Trainer.
            baseline_model: latest blessed model.
            config: thresholds.
            pretraining: configuration of the run that the model is from.
            title: of the report.
            lineage: what the report lists under "made from", by name.
        """
        settings = {
            "title": title,
            "evaluation": configuration.to_plain(config),
            "pretraining": configuration.to_plain(pretraining),
            "lineage": dict(lineage),
        }
        super().__init__(
            spec=PretrainingEvaluatorSpec(
                records=records,
                model=model,
                baseline_model=baseline_model,
                model_run=model_run,
                settings=json.dumps(settings, sort_keys=True),
                evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
