"""The TFX components that ship a model."""

from __future__ import annotations

from tfx import components as tfx_components
from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import pusher_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.pusher import executor, object_store


class Pusher(tfx_components.Pusher):
    """TFX's Pusher, extended so that it can also push to `s3://`."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(object_store.Executor)


class QuestionAnsweringPusherSpec(types.ComponentSpec):
    """Inputs and outputs: those of TFX's Pusher, and the evaluation as a further input."""

    PARAMETERS = standard_component_specs.PusherSpec.PARAMETERS
    INPUTS = {
        **standard_component_specs.PusherSpec.INPUTS,
        executor.EVALUATION_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.ModelEvaluation
        ),
    }
    OUTPUTS = standard_component_specs.PusherSpec.OUTPUTS


class QuestionAnsweringPusher(base_component.BaseComponent):
    """Ships a blessed model with the null-score threshold that its evaluation found best.

    Component `outputs` contains:
     - `pushed_model`: Channel of type `PushedModel`.
    """

    SPEC_CLASS = QuestionAnsweringPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

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
            evaluation: evaluation by the Evaluator, whose `results.json` contains the threshold.
            push_destination: folder in which a numbered version is created.
        """
        super().__init__(
            QuestionAnsweringPusherSpec(
                model=model,
                model_blessing=model_blessing,
                evaluation=evaluation,
                push_destination=push_destination,
                custom_config=json_utils.dumps(None),
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
