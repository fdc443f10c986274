"""QuestionAnsweringPreprocessor: the TFX component that turns paragraphs into records."""

from __future__ import annotations

import json

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components import configuration
from components.artifacts import SentencePieceModel
from components.preprocessing.question_answering import executor
from components.preprocessing.question_answering.config import WindowConfig


class QuestionAnsweringPreprocessorSpec(types.ComponentSpec):
    """The parameters, inputs and outputs of `QuestionAnsweringPreprocessor`."""

    PARAMETERS = {
        executor.WINDOWS_KEY: component_spec.ExecutionParameter(type=str),
        executor.UNCASED_KEY: component_spec.ExecutionParameter(type=int),
        executor.KEEP_ACCENTS_KEY: component_spec.ExecutionParameter(type=int, optional=True),
        executor.NUM_SHARDS_KEY: component_spec.ExecutionParameter(type=int, optional=True),
        executor.SEED_KEY: component_spec.ExecutionParameter(type=int),
        executor.MAX_DEAD_LETTER_SHARE_KEY: component_spec.ExecutionParameter(type=str),
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


class QuestionAnsweringPreprocessor(base_beam_component.BaseBeamComponent):
    """Tokenizes and aligns paragraphs, cuts them into windows, and writes these as records.

    Component `outputs` contains:
     - `records`: Channel of type `Examples`: question answering records of the splits "train" (for
       training) and "eval" (for evaluation). The directory also holds the manifest, the vocabulary,
       dead letters, and the paragraphs of "eval".
    """

    SPEC_CLASS = QuestionAnsweringPreprocessorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        sentencepiece_model: types.BaseChannel,
        windows: WindowConfig,
        uncased: bool,
        keep_accents: bool = False,
        num_shards: int | None = None,
        seed: int = 0,
        max_dead_letter_share: float = 0.001,
    ):
        """Sets up the component without accessing any file.

        Args:
            examples: raw Examples of `SquadExampleGen` with the splits "train" and "eval".
            sentencepiece_model: the vocabulary.
            windows: the lengths of windows, questions and strides.
            uncased: whether texts are converted to lower case.
            keep_accents: whether texts keep their accents.
            num_shards: number of files per split; None derives it from the size of the examples.
            seed: seed for the order of the records.
            max_dead_letter_share: largest share of a split's questions that may be unusable, in [0,
                1].
        """
        super().__init__(
            QuestionAnsweringPreprocessorSpec(
                **{
                    standard_component_specs.EXAMPLES_KEY: examples,
                    executor.SENTENCEPIECE_MODEL_KEY: sentencepiece_model,
                    executor.WINDOWS_KEY: configuration.to_json(windows),
                    executor.UNCASED_KEY: int(uncased),
                    # Left out if it has its default value, as in pipelines older than the
                    # parameter.
                    **({executor.KEEP_ACCENTS_KEY: 1} if keep_accents else {}),
                    **({executor.NUM_SHARDS_KEY: num_shards} if num_shards else {}),
                    executor.SEED_KEY: seed,
                    executor.MAX_DEAD_LETTER_SHARE_KEY: json.dumps(max_dead_letter_share),
                    executor.RECORDS_KEY: types.Channel(type=standard_artifacts.Examples),
                }
            )
        )
