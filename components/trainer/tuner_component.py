"""TFX component of the Tuner: TFX's own, with what a run may change at its start."""

from __future__ import annotations

from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.trainer import component, tuner_executor


class TunerSpec(types.ComponentSpec):
    """What goes in and out: as for TFX's Tuner, and the runtime parameters."""

    PARAMETERS = {
        **standard_component_specs.TunerSpec.PARAMETERS,
        **component.RUNTIME_PARAMETERS,
    }
    INPUTS = standard_component_specs.TunerSpec.INPUTS
    OUTPUTS = standard_component_specs.TunerSpec.OUTPUTS


class Tuner(base_component.BaseComponent):
    """Searches for settings with a `tuner_fn`.

    Component `outputs` contains:
     - `best_hyperparameters`: Channel of type `HyperParameters`, for the Trainer.
     - `tuner_results`: Channel of type `TunerResults`: all trials with their scores.
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
        """Sets up the component; touches no file.

        Args:
            tuner_fn: dotted path of the function that makes the search.
            examples: records.
            custom_config: configurations as JSON, by the name under which `tuner_fn` looks for
                them.
            train_args: splits to train on.
            eval_args: splits to evaluate on.
            transform_graph: that made the records.
            schema: of the raw examples.
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
