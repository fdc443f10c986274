"""The interface of evaluators that read records: those of question answering and pretraining."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_beam_component
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components import runtime_values

RECORDS_KEY = "records"
SETTINGS_KEY = "settings"


class RecordsEvaluatorSpec(types.ComponentSpec):
    """Inputs, outputs and parameters; the settings are passed as one JSON object."""

    PARAMETERS = {
        SETTINGS_KEY: component_spec.ExecutionParameter(type=str),
        runtime_values.THRESHOLDS_KEY: component_spec.ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {
        RECORDS_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
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


class RecordsEvaluator(base_beam_component.BaseBeamComponent):
    """Base class of components that evaluate a model on records.

    A subclass for each kind sets the executor and defines the settings.

    Outputs: `evaluation` (ModelEvaluation with `results.json` and `report.html`), `blessing`
    (ModelBlessing).
    """

    SPEC_CLASS = RecordsEvaluatorSpec

    def __init__(
        self,
        *,
        records: types.BaseChannel,
        model: types.BaseChannel,
        model_run: types.BaseChannel | None,
        baseline_model: types.BaseChannel | None,
        settings: Mapping[str, Any],
    ):
        """Sets up the component.

        Args:
            records: output of the kind's preprocessor, of which the split "eval" is used.
            model: the exported model.
            model_run: the Trainer's output with the training curves, for the report.
            baseline_model: the latest blessed model; None to compare with nothing.
            settings: settings made of plain values, which the executor gets as JSON.
        """
        super().__init__(
            spec=RecordsEvaluatorSpec(
                records=records,
                model=model,
                baseline_model=baseline_model,
                model_run=model_run,
                settings=json.dumps(settings, sort_keys=True),
                evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
