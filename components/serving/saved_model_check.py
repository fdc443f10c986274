"""Whether a SavedModel can be given to TensorFlow, which ends the process for some damages."""

from __future__ import annotations

import os

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from components import files
from components.tokenization import model_check

_GRAPH = "saved_model.pb"
_VARIABLES_INDEX = os.path.join("variables", "variables.index")
_FINGERPRINT = "fingerprint.pb"
# TensorFlow Text's operation, whose attribute holds a whole SentencePiece model.
_SENTENCEPIECE_OP = "SentencepieceOp"


class DamagedError(ValueError):
    """What is wrong with a SavedModel."""


def check(path: str) -> None:
    """Looks at what TensorFlow and TensorFlow Text believe without a checksum of their own.

    Args:
        path: of the folder.

    Raises:
        DamagedError: naming the file.
        google.protobuf.message.DecodeError: if the graph is no protobuf.
        tf.errors.OpError: if a file cannot be read.
    """
    index = os.path.join(path, _VARIABLES_INDEX)
    if files.exists(os.path.join(path, _FINGERPRINT)) and files.exists(index):
        expected = tf.saved_model.experimental.read_fingerprint(path).checkpoint_hash
        if _fingerprint(_read(index)) != expected:
            raise DamagedError(f"{_VARIABLES_INDEX} is not the one that was exported")
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString(_read(os.path.join(path, _GRAPH)))
    nodes = [
        node
        for meta_graph in saved_model.meta_graphs
        for graph in [meta_graph.graph_def]
        for node in [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    ]
    # Each signature has its own copy.
    for model in {node.attr["model"].s for node in nodes if node.op == _SENTENCEPIECE_OP}:
        try:
            model_check.check(model)
        except model_check.ModelError as error:
            raise DamagedError(
                f"the SentencePiece model in {_GRAPH} is damaged: it {error}"
            ) from error


def _read(path: str) -> bytes:
    return files.read_bytes(path)


def _fingerprint(content: bytes) -> int:
    """As SavedModel's fingerprints are computed: FarmHash's Fingerprint64."""
    digest = tf.fingerprint([content], "farmhash64").numpy()[0].tobytes()
    return int.from_bytes(digest, "little")
