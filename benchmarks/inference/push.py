"""Makes what the contestants load: pushed models of ours, and the vocabulary as a list.

Its arguments are `SIZE DTYPE FOLDER VOCABULARY`, and `questions` to add a model that answers them.
It is a process of its own, so that its memory is free again before anything is measured.
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
    """Writes `classification/`, `question_answering/` and `pieces.json` to the folder."""
    size, dtype, folder, vocabulary_path, *also = sys.argv[1:]
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
    _push_classification(config, options, vocabulary_path, folder)
    if also:
        _push_question_answering(config, options, vocabulary, folder)
    processor = vocabulary.make_processor()
    pieces = [(processor.IdToPiece(i), processor.GetScore(i)) for i in range(vocabulary.size)]
    with open(os.path.join(folder, "pieces.json"), "w", encoding="utf-8") as file:
        json.dump(pieces, file)


def _push_classification(
    config: XLNetConfig, options: ModelOptions, vocabulary_path: str, folder: str
) -> None:
    graph = os.path.join(folder, "transform_graph")
    transform_graph.build(
        text_format.Parse(_SCHEMA, schema_pb2.Schema()),
        preprocessing.PreprocessingConfig(
            sentencepiece_model=vocabulary_path, seq_len=SEQ_LEN, uncased=False, labels=LABELS
        ),
        directory=graph,
    )
    module = text_model.TextModel(
        model=ClassificationModel(config, options, len(LABELS)),
        transform_output=tft.TFTransformOutput(graph),
        labels=LABELS,
        seq_len=SEQ_LEN,
    )
    text_model.save(module, os.path.join(folder, "classification"))


def _push_question_answering(
    config: XLNetConfig, options: ModelOptions, vocabulary: vocabulary_lib.Vocabulary, folder: str
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
    span_model.save(module, os.path.join(folder, "question_answering"))


if __name__ == "__main__":
    main()
