"""Makes what the contestants load: pushed models of ours, and the vocabulary as a list.

Its arguments are `SIZE DTYPE FOLDER VOCABULARY NAME…`, with the names of models to push. It is a
process of its own, so that its memory is free again before anything is measured.
"""

from __future__ import annotations

import json
import os
import sys

import tensorflow_transform as tft
from cases import (
    D_HEAD,
    DOC_STRIDE,
    LABELS,
    MAX_ANSWER_LEN,
    MAX_QUERY_LEN,
    N_TOKEN,
    QUESTIONS_MODEL,
    SEQ_LEN,
    SIZES,
    WINDOW_LEN,
)
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.export import span_model, text_model
from components.modeling.classification import ClassificationModel
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.question_answering import QuestionAnsweringModel
from components.preprocessing.classification import preprocessing, transform_graph
from components.preprocessing.question_answering.config import WindowConfig
from components.span_decoding.decoder import DecodingConfig
from components.tokenization import vocabulary as vocabulary_lib

_SCHEMA = """
    feature { name: "text_a" type: BYTES }
    feature { name: "text_b" type: BYTES }
    feature { name: "label" type: BYTES }
"""


def main() -> None:
    """Writes a model for each name, and `pieces.json`, to the folder."""
    size, dtype, folder, vocabulary_path, *names = sys.argv[1:]
    n_layer, d_model, d_inner = SIZES[size]
    config = XLNetConfig(
        n_token=N_TOKEN,
        n_layer=n_layer,
        d_model=d_model,
        n_head=SIZES[size].n_head,
        d_head=D_HEAD,
        d_inner=d_inner,
        ff_activation="gelu",
        untie_r=True,
    )
    options = ModelOptions(compute_dtype=dtype)
    vocabulary = vocabulary_lib.load(vocabulary_path)
    for name in names:
        directory = os.path.join(folder, name)
        if name == QUESTIONS_MODEL:
            _push_question_answering(config, options, vocabulary, directory)
        else:
            _push_classification(config, options, vocabulary_path, SEQ_LEN[name], directory)
    processor = vocabulary.make_processor()
    pieces = [(processor.IdToPiece(i), processor.GetScore(i)) for i in range(vocabulary.size)]
    with open(os.path.join(folder, "pieces.json"), "w", encoding="utf-8") as file:
        json.dump(pieces, file)


def _push_classification(
    config: XLNetConfig, options: ModelOptions, vocabulary_path: str, seq_len: int, directory: str
) -> None:
    graph = f"{directory}_transform_graph"
    transform_graph.build(
        text_format.Parse(_SCHEMA, schema_pb2.Schema()),
        preprocessing.PreprocessingConfig(
            sentencepiece_model=vocabulary_path, seq_len=seq_len, uncased=False, labels=LABELS
        ),
        directory=graph,
    )
    module = text_model.TextModel(
        model=ClassificationModel(config, options, len(LABELS)),
        transform_output=tft.TFTransformOutput(graph),
        labels=LABELS,
        seq_len=seq_len,
    )
    text_model.save(module, directory)


def _push_question_answering(
    config: XLNetConfig,
    options: ModelOptions,
    vocabulary: vocabulary_lib.Vocabulary,
    directory: str,
) -> None:
    module = span_model.SpanModel(
        model=QuestionAnsweringModel(config, options),
        vocabulary=vocabulary,
        uncased=False,
        windows=WindowConfig(
            max_seq_length=WINDOW_LEN, doc_stride=DOC_STRIDE, max_query_length=MAX_QUERY_LEN
        ),
        decoding=DecodingConfig(n_best_size=5, max_answer_length=MAX_ANSWER_LEN),
    )
    span_model.save(module, directory)


if __name__ == "__main__":
    main()
