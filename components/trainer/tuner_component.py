"""TFX component of the Tuner: TFX's own Tuner plus parameters that can be set per run."""

from __future__ import annotations

from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components import input_digest
from components.trainer import component, tuner_executor


class TunerSpec(types.ComponentSpec):
    """Inputs, outputs and parameters: those of TFX's Tuner plus the runtime parameters."""

    PARAMETERS = {
        **standard_component_specs.TunerSpec.PARAMETERS,
        **component.RUNTIME_PARAMETERS,
        input_digest.KEY: component_spec.ExecutionParameter(type=str, optional=True),
    }
    INPUTS = standard_component_specs.TunerSpec.INPUTS
    OUTPUTS = standard_component_specs.TunerSpec.OUTPUTS


class Tuner(base_component.BaseComponent):
    """Searches for settings with a `tuner_fn`.

    Component `outputs` contains:
     - `best_hyperparameters`: Channel of type `HyperParameters` with the best settings, for the
       Trainer.
     - `tuner_results`: Channel of type `TunerResults` with all trials and their scores.
    """

    SPEC_CLASS = TunerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(tuner_executor.Executor)

    def __init__(
        self,
        *,
        tuner_fn: str,
        examples: types.BaseChannel,
        custom_config: Mapping[str, str],
        train_args: trainer_pb2.TrainArgs,
        eval_args: trainer_pb2.EvalArgs,
        transform_graph: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
    ):
        """Sets up the component without touching any file.

        Args:
            tuner_fn: dotted path of the function that returns the search.
            examples: channel of the records to train and evaluate on.
            custom_config: configurations as JSON, by the key under which `tuner_fn` looks them up.
            train_args: splits to train on.
            eval_args: splits to evaluate on.
            transform_graph: channel of the Transform graph that made the records.
            schema: channel of the schema of the raw examples.
        """
        super().__init__(
            TunerSpec(
                tuner_fn=tuner_fn,
                examples=examples,
                transform_graph=transform_graph,
                schema=schema,
                train_args=train_args,
                eval_args=eval_args,
                custom_config=json_utils.dumps(dict(custom_config)),
                best_hyperparameters=types.Channel(type=standard_artifacts.HyperParameters),
                tuner_results=types.Channel(type=standard_artifacts.TunerResults),
            )
        )
