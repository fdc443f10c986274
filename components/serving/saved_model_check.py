"""Checks whether it is safe to load a SavedModel; some damaged ones make TensorFlow crash."""

from __future__ import annotations

import os

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from components import files
from components.tokenization import model_check

_GRAPH = "saved_model.pb"
_VARIABLES_INDEX = os.path.join("variables", "variables.index")
_FINGERPRINT = "fingerprint.pb"
# The op of TensorFlow Text that has a whole SentencePiece model as an attribute.
_SENTENCEPIECE_OP = "SentencepieceOp"


class DamagedError(ValueError):
    """A SavedModel is damaged; the message says where."""


def check(path: str) -> None:
    """Checks the parts that TensorFlow and TensorFlow Text use without verifying a checksum.

    Args:
        path: path of the SavedModel's folder.

    Raises:
        DamagedError: if a file is damaged; the message names the file.
        google.protobuf.message.DecodeError: if the graph is not a valid protobuf.
        OSError, RuntimeError: if a file, or the fingerprint in it, cannot be read.
    """
    index = os.path.join(path, _VARIABLES_INDEX)
    if files.exists(os.path.join(path, _FINGERPRINT)) and files.exists(index):
        expected = tf.saved_model.experimental.read_fingerprint(path).checkpoint_hash
        if _fingerprint(_read(index)) != expected:
            raise DamagedError(f"{_VARIABLES_INDEX} is not the one that was exported")
    for model in sentencepiece_models(path):
        try:
            model_check.check(model)
        except model_check.ModelError as error:
            raise DamagedError(
                f"the SentencePiece model in {_GRAPH} is damaged: it {error}"
            ) from error


def sentencepiece_models(path: str) -> list[bytes]:
    """Returns the different SentencePiece models in a SavedModel's graph, in a fixed order.

    Raises:
        google.protobuf.message.DecodeError: if the graph is not a valid protobuf.
        OSError: if it cannot be read.
    """
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString(_read(os.path.join(path, _GRAPH)))
    nodes = [
        node
        for meta_graph in saved_model.meta_graphs
        for graph in [meta_graph.graph_def]
        for node in [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    ]
    # A set, because each signature has its own copy of the model.
    return sorted({node.attr["model"].s for node in nodes if node.op == _SENTENCEPIECE_OP})


def _read(path: str) -> bytes:
    return files.read_bytes(path)


def _fingerprint(content: bytes) -> int:
    """Computes FarmHash's Fingerprint64, as the fingerprints of SavedModels use it."""
    digest = tf.fingerprint([content], "farmhash64").numpy()[0].tobytes()
    return int.from_bytes(digest, "little")
