"""SentencePieceGen: the TFX component that imports an existing vocabulary or trains a new one."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components import input_digest
from components.artifacts import SentencePieceModel
from components.tokenization import executor
from components.tokenization.train_sentencepiece import PUBLISHED_MAX_SENTENCES


class SentencePieceGenSpec(types.ComponentSpec):
    """The parameters, inputs and outputs of `SentencePieceGen`."""

    PARAMETERS = {
        executor.MODEL_PATH_KEY: component_spec.ExecutionParameter(type=str, optional=True),
        input_digest.KEY: component_spec.ExecutionParameter(type=str, optional=True),
        executor.VOCABULARY_SIZE_KEY: component_spec.ExecutionParameter(type=int, optional=True),
        executor.UNCASED_KEY: component_spec.ExecutionParameter(type=int),
        executor.KEEP_ACCENTS_KEY: component_spec.ExecutionParameter(type=int, optional=True),
        executor.MAX_SENTENCES_KEY: component_spec.ExecutionParameter(type=int),
        executor.SEED_KEY: component_spec.ExecutionParameter(type=int),
        executor.TEXT_FEATURES_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        executor.EXAMPLES_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Examples, optional=True
        ),
    }
    OUTPUTS = {
        executor.MODEL_KEY: component_spec.ChannelParameter(type=SentencePieceModel),
    }


class SentencePieceGen(base_component.BaseComponent):
    """Provides a SentencePiece model that is known to be suitable for XLNet.

    The component either checks and copies an existing file, or trains a model on the texts of the
    split "train".

    Component `outputs` contains:
     - `model`: Channel of type `SentencePieceModel`.
    """

    SPEC_CLASS = SentencePieceGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        *,
        model_path: str | None = None,
        examples: types.BaseChannel | None = None,
        vocabulary_size: int | None = None,
        uncased: bool = False,
        keep_accents: bool = False,
        max_sentences: int = PUBLISHED_MAX_SENTENCES,
        seed: int = 0,
        text_features: Sequence[str] = ("text_a", "text_b"),
    ):
        """Sets up the component without accessing any file.

        Args:
            model_path: path of an existing model, local or `gs://`. TFX's cache only looks at this
                path. A runner that does not add a digest (`input_digest`) needs a new name for a
                changed model.
            examples: raw Examples to train a model on, if there is no `model_path`; only their
                split "train" is read.
            vocabulary_size: number of pieces of the model to train.
            uncased: whether texts are converted to lower case before training.
            keep_accents: whether texts keep their accents for training.
            max_sentences: maximum number of sentences to train on; if there are more, a random
                sample of this size is used.
            seed: seed for this sampling.
            text_features: names of the features of the examples that hold texts; each may have any
                number of values.

        Raises:
            ValueError: unless either `model_path` alone, or both `examples` and `vocabulary_size`
                are given.
        """
        trains = examples is not None and vocabulary_size is not None
        imports = examples is None and vocabulary_size is None
        if not (trains if model_path is None else imports):
            raise ValueError(
                "SentencePieceGen takes either model_path (an existing model) or examples and "
                f"vocabulary_size (to train one); model_path is {model_path!r}, examples are "
                f"{'not ' if examples is None else ''}given, vocabulary_size is {vocabulary_size}."
            )
        super().__init__(
            SentencePieceGenSpec(
                **{
                    executor.MODEL_PATH_KEY: model_path,
                    executor.EXAMPLES_KEY: examples,
                    executor.VOCABULARY_SIZE_KEY: vocabulary_size,
                    executor.UNCASED_KEY: int(uncased),
                    # Left out if it has its default value, as in pipelines older than the
                    # parameter.
                    **({executor.KEEP_ACCENTS_KEY: 1} if keep_accents else {}),
                    executor.MAX_SENTENCES_KEY: max_sentences,
                    executor.SEED_KEY: seed,
                    executor.TEXT_FEATURES_KEY: json.dumps(list(text_features)),
                    executor.MODEL_KEY: types.Channel(type=SentencePieceModel),
                }
            )
        )
