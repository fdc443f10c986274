"""PretrainingPreprocessor: the TFX component that turns documents into ordered records."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components import configuration
from components.artifacts import SentencePieceModel
from components.preprocessing.pretraining import executor
from components.preprocessing.pretraining.config import PretrainingDataConfig


class PretrainingPreprocessorSpec(types.ComponentSpec):
    """The parameters, inputs and outputs of `PretrainingPreprocessor`."""

    PARAMETERS = {
        executor.CONFIG_KEY: component_spec.ExecutionParameter(type=str),
        executor.FROM_RAW_TEXT_KEY: component_spec.ExecutionParameter(type=int),
    }
    INPUTS = {
        standard_component_specs.EXAMPLES_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Examples
        ),
        executor.SENTENCEPIECE_MODEL_KEY: component_spec.ChannelParameter(type=SentencePieceModel),
    }
    OUTPUTS = {
        executor.RECORDS_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }


class PretrainingPreprocessor(base_beam_component.BaseBeamComponent):
    """Tokenizes documents, cuts them into segments that continue each other, and masks spans.

    Component `outputs` contains:
     - `records`: Channel of type `Examples`: pretraining records of all splits of the input. In
       each file, every batch continues the one before it. The directory also holds the manifest,
       dead letters, and the vocabulary.
    """

    SPEC_CLASS = PretrainingPreprocessorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        sentencepiece_model: types.BaseChannel,
        config: PretrainingDataConfig,
        from_raw_text: bool = True,
    ):
        """Sets up the component without accessing any file.

        Args:
            examples: raw Examples of `CorpusExampleGen`.
            sentencepiece_model: the vocabulary.
            config: the settings that shape the records.
            from_raw_text: False if the documents consist of ids of pieces, separated by white
                space, instead of text.
        """
        super().__init__(
            PretrainingPreprocessorSpec(
                **{
                    standard_component_specs.EXAMPLES_KEY: examples,
                    executor.SENTENCEPIECE_MODEL_KEY: sentencepiece_model,
                    executor.CONFIG_KEY: configuration.to_json(config),
                    executor.FROM_RAW_TEXT_KEY: int(from_raw_text),
                    executor.RECORDS_KEY: types.Channel(type=standard_artifacts.Examples),
                }
            )
        )
