"""TFX component of the Trainer: TFX's generic Trainer plus parameters that can be set per run."""

from __future__ import annotations

from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components import input_digest
from components.trainer import executor

# Settings that can be given when a pipeline run starts. `runtime_values.TRAINING_PLACES` maps each
# of them to its place in the configuration.
RUNTIME_PARAMETERS = {
    "train_steps": component_spec.ExecutionParameter(type=int, optional=True),
    "batch_size": component_spec.ExecutionParameter(type=int, optional=True),
    "learning_rate": component_spec.ExecutionParameter(type=float, optional=True),
    "init_from": component_spec.ExecutionParameter(type=str, optional=True),
}


class TrainerSpec(types.ComponentSpec):
    """Inputs, outputs and parameters: those of TFX's Trainer plus the runtime parameters."""

    PARAMETERS = {
        **standard_component_specs.TrainerSpec.PARAMETERS,
        **RUNTIME_PARAMETERS,
        input_digest.KEY: component_spec.ExecutionParameter(type=str, optional=True),
        executor.TRAINING_JOB_KEY: component_spec.ExecutionParameter(type=str, optional=True),
    }
    INPUTS = standard_component_specs.TrainerSpec.INPUTS
    OUTPUTS = standard_component_specs.TrainerSpec.OUTPUTS
    TYPE_ANNOTATION = standard_component_specs.TrainerSpec.TYPE_ANNOTATION


class Trainer(base_component.BaseComponent):
    """Trains with a `run_fn`, either in this process or in a Vertex AI job that it waits for.

    Component `outputs` contains:
     - `model`: Channel of type `Model` with the exported model.
     - `model_run`: Channel of type `ModelRun` with checkpoints, training curves, and the weights
       under their published names.
    """

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        *,
        run_fn: str,
        examples: types.BaseChannel,
        custom_config: Mapping[str, str],
        train_args: trainer_pb2.TrainArgs,
        eval_args: trainer_pb2.EvalArgs,
        transform_graph: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
        hyperparameters: types.BaseChannel | None = None,
    ):
        """Sets up the component without touching any file.

        Args:
            run_fn: dotted path of the function that trains.
            examples: channel of the records to train and evaluate on.
            custom_config: configurations as JSON, by the key under which `run_fn` looks them up.
            train_args: splits to train on.
            eval_args: splits to evaluate on.
            transform_graph: channel of the Transform graph that becomes part of the exported model.
            schema: channel of the schema of the raw examples.
            hyperparameters: channel of the settings that a Tuner found.
        """
        super().__init__(
            TrainerSpec(
                run_fn=run_fn,
                examples=examples,
                transform_graph=transform_graph,
                schema=schema,
                hyperparameters=hyperparameters,
                train_args=train_args,
                eval_args=eval_args,
                custom_config=json_utils.dumps(dict(custom_config)),
                model=types.Channel(type=standard_artifacts.Model),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
            )
        )
