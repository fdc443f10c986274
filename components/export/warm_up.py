"""Warm-up requests, which TF Serving runs before it reports a model as available.

The first call of a signature takes as long as a hundred later ones, because graphs are optimised
and memory is allocated. TF Serving reads warm-up requests from `assets.extra` of the SavedModel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from components import files, tfrecords

# TF Serving prescribes name and place ("SavedModel Warmup" in its documentation).
_PATH = ("assets.extra", "tf_serving_warmup_requests")


def write(
    directory: str,
    signature_name: str,
    requests: Iterable[Mapping[str, Sequence[str] | Sequence[Sequence[str]]]],
) -> None:
    """Adds warm-up requests to a SavedModel.

    Args:
        directory: folder of the SavedModel.
        signature_name: name of the signature that the requests call.
        requests: for each request, texts or lists of texts by name of the input.
    """
    serialized = []
    for inputs in requests:
        request = predict_pb2.PredictRequest()
        request.model_spec.signature_name = signature_name
        for name, texts in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(list(texts), tf.string))
        log = prediction_log_pb2.PredictionLog(
            predict_log=prediction_log_pb2.PredictLog(request=request)
        )
        serialized.append(log.SerializeToString(deterministic=True))
    tfrecords.write_records(files.join(directory, *_PATH), serialized)


def read(directory: str) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Returns the signature and the inputs of each warm-up request of a SavedModel, if any."""
    path = files.join(directory, *_PATH)
    # A folder with the name of the file means damage; reading it below raises a suitable error.
    if not files.exists(path) and not files.is_folder(path):
        return []
    requests = []
    for record in tfrecords.read_records(path):
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        requests.append((request.model_spec.signature_name, inputs))
    return requests


def short_and_long_text(seq_len: int) -> list[str]:
    """Returns the shortest text and one that fills `seq_len` tokens."""
    # Each word becomes one or two pieces.
    return [" ".join(["word"] * length) for length in (1, seq_len)]
