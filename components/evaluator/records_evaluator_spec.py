"""What goes into and out of an evaluator that reads records, as two kinds of pipelines have it."""

from __future__ import annotations

from tfx import types
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components import runtime_values

RECORDS_KEY = "records"
SETTINGS_KEY = "settings"


class RecordsEvaluatorSpec(types.ComponentSpec):
    """Records, the model with its run, the latest blessed model; settings as one JSON object."""

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
