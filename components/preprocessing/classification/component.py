"""ClassificationPreprocessor: the TFX component that turns raw text into classification records."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components.artifacts import SentencePieceModel
from components.preprocessing.classification import executor


class ClassificationPreprocessorSpec(types.ComponentSpec):
    """The interface of the component: that of TFX's Transform, plus a vocabulary and parameters."""

    PARAMETERS = {
        executor.SEQ_LEN_KEY: component_spec.ExecutionParameter(type=int),
        executor.UNCASED_KEY: component_spec.ExecutionParameter(type=int),
        executor.KEEP_ACCENTS_KEY: component_spec.ExecutionParameter(type=int, optional=True),
        executor.LABELS_KEY: component_spec.ExecutionParameter(type=str),
        executor.MAX_QA_LENGTH_KEY: component_spec.ExecutionParameter(type=int, optional=True),
    }
    INPUTS = {
        standard_component_specs.EXAMPLES_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Examples
        ),
        standard_component_specs.SCHEMA_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Schema
        ),
        executor.SENTENCEPIECE_MODEL_KEY: component_spec.ChannelParameter(type=SentencePieceModel),
    }
    OUTPUTS = {
        standard_component_specs.TRANSFORM_GRAPH_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.TransformGraph
        ),
        standard_component_specs.TRANSFORMED_EXAMPLES_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Examples
        ),
    }
    TYPE_ANNOTATION = standard_component_specs.TransformSpec.TYPE_ANNOTATION


class ClassificationPreprocessor(base_beam_component.BaseBeamComponent):
    """Makes classification, regression or multiple-choice records with the in-graph tokenizer.

    It takes the place of TFX's Transform.

    Component `outputs` contains:
     - `transform_graph`: Channel of type `TransformGraph`; the graph contains the vocabulary.
     - `transformed_examples`: Channel of type `Examples`: classification, regression or
       multiple-choice records of all splits, with a manifest beside them.
    """

    SPEC_CLASS = ClassificationPreprocessorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        sentencepiece_model: types.BaseChannel,
        seq_len: int,
        uncased: bool,
        keep_accents: bool = False,
        labels: Sequence[str] | None,
        max_qa_length: int | None = None,
    ):
        """Sets up the component without accessing any file.

        Args:
            examples: raw Examples with the feature `text_a` and, if the task has them, `text_b`,
                `options` and `label`.
            schema: schema of the raw examples.
            sentencepiece_model: the vocabulary.
            seq_len: number of tokens in a record, or in each sequence of a multiple-choice record.
            uncased: whether texts are converted to lower case.
            keep_accents: whether texts keep their accents.
            labels: the task's labels in the order of their ids; None for regression.
            max_qa_length: for multiple choice, maximum number of pieces of a question together with
                an option; None for other tasks.
        """
        super().__init__(
            ClassificationPreprocessorSpec(
                **{
                    standard_component_specs.EXAMPLES_KEY: examples,
                    standard_component_specs.SCHEMA_KEY: schema,
                    executor.SENTENCEPIECE_MODEL_KEY: sentencepiece_model,
                    executor.SEQ_LEN_KEY: seq_len,
                    executor.UNCASED_KEY: int(uncased),
                    # Left out if it has its default value, as in pipelines older than the
                    # parameter.
                    **({executor.KEEP_ACCENTS_KEY: 1} if keep_accents else {}),
                    executor.LABELS_KEY: json.dumps(None if labels is None else list(labels)),
                    executor.MAX_QA_LENGTH_KEY: max_qa_length,
                    standard_component_specs.TRANSFORM_GRAPH_KEY: types.Channel(
                        type=standard_artifacts.TransformGraph
                    ),
                    standard_component_specs.TRANSFORMED_EXAMPLES_KEY: types.Channel(
                        type=standard_artifacts.Examples
                    ),
                }
            )
        )
