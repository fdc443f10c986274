"""The TFX components that ship a model."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import pusher_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.pusher import executor, object_store


class PusherSpec(types.ComponentSpec):
    """Inputs and outputs: those of TFX's Pusher, and the evaluation as a further input."""

    PARAMETERS = standard_component_specs.PusherSpec.PARAMETERS
    INPUTS = {
        **standard_component_specs.PusherSpec.INPUTS,
        object_store.EVALUATION_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.ModelEvaluation
        ),
    }
    OUTPUTS = standard_component_specs.PusherSpec.OUTPUTS


class Pusher(base_component.BaseComponent):
    """TFX's Pusher, which also pushes to `s3://`, and adds the model card of the evaluation.

    Component `outputs` contains:
     - `pushed_model`: Channel of type `PushedModel`.
    """

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(object_store.Executor)

    def __init__(
        self,
        *,
        model: types.BaseChannel,
        model_blessing: types.BaseChannel,
        evaluation: types.BaseChannel,
        push_destination: pusher_pb2.PushDestination,
    ):
        """Sets up the component.

        Args:
            model: the exported model.
            model_blessing: blessing by the Evaluator.
            evaluation: evaluation by the Evaluator, with `results.json`, the model card, and
                examples to try.
            push_destination: folder in which a numbered version is created.
        """
        super().__init__(
            PusherSpec(
                model=model,
                model_blessing=model_blessing,
                evaluation=evaluation,
                push_destination=push_destination,
                custom_config=json_utils.dumps(None),
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )


class QuestionAnsweringPusher(Pusher):
    """Ships a blessed model with the null-score threshold that its evaluation found best."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)
