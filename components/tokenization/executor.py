"""The executor of SentencePieceGen, which passes the paths of its artifacts to the library."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from absl import logging
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from components import artifacts, files, tf_examples, tfrecords
from components.tokenization import train_sentencepiece
from components.tokenization import vocabulary as vocabulary_lib

EXAMPLES_KEY = "examples"
MODEL_KEY = "model"
MODEL_PATH_KEY = "model_path"
VOCABULARY_SIZE_KEY = "vocabulary_size"
UNCASED_KEY = "uncased"
KEEP_ACCENTS_KEY = "keep_accents"
MAX_SENTENCES_KEY = "max_sentences"
SEED_KEY = "seed"
TEXT_FEATURES_KEY = "text_features"

_TRAIN_SPLIT = "train"


class Executor(base_executor.BaseExecutor):
    """Copies an existing SentencePiece model, or trains a new one."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `spiece.model` and sets the custom properties of its artifact.

        Args:
            input_dict: has `examples` if a model is to be trained.
            output_dict: has `model`, a single SentencePieceModel artifact.
            exec_properties: the arguments of `SentencePieceGen`.
        """
        path = exec_properties.get(MODEL_PATH_KEY)
        if path:
            vocabulary = vocabulary_lib.load(path)
        else:
            split_uri = artifact_utils.get_split_uri(input_dict[EXAMPLES_KEY], _TRAIN_SPLIT)
            vocabulary = train_sentencepiece.train(
                _read_texts(split_uri, json.loads(exec_properties[TEXT_FEATURES_KEY])),
                vocabulary_size=exec_properties[VOCABULARY_SIZE_KEY],
                uncased=bool(exec_properties[UNCASED_KEY]),
                keep_accents=bool(exec_properties.get(KEEP_ACCENTS_KEY)),
                max_sentences=exec_properties[MAX_SENTENCES_KEY],
                seed=exec_properties[SEED_KEY],
            )
        artifact = artifact_utils.get_single_instance(output_dict[MODEL_KEY])
        files.write_bytes(artifacts.sentencepiece_model_path(artifact.uri), vocabulary.model)
        artifact.set_string_custom_property("sha256", vocabulary.sha256)
        artifact.set_int_custom_property("vocabulary_size", vocabulary.size)
        logging.info(
            "SentencePiece model: %d pieces, sha256 %s", vocabulary.size, vocabulary.sha256
        )


def _read_texts(split_uri: str, names: Sequence[str]) -> Iterator[bytes]:
    for path in files.in_folder(split_uri, purpose="raw examples to train a vocabulary on"):
        for record in tfrecords.read_records(path):
            features = tf_examples.decode(record)
            for name in names:
                yield from features.get(name, ())
