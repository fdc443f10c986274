"""Requests that TF Serving answers to itself before it reports a model as available.

The first call of a signature takes as long as a hundred later ones: graphs are optimised and
memory is allocated. TF Serving reads such requests from `assets.extra` of the SavedModel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from components import files, tfrecords
from components.export import bucketed_model

# Name and place are TF Serving's ("SavedModel Warmup").
_PATH = ("assets.extra", "tf_serving_warmup_requests")


def write(
    directory: str,
    signature_name: str,
    requests: Iterable[Mapping[str, Sequence[str] | Sequence[Sequence[str]]]],
) -> None:
    """Adds warm-up requests to a SavedModel.

    Args:
        directory: of the SavedModel.
        signature_name: that they are for.
        requests: texts, or lists of them, by name of the input.
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
    """Signature and inputs of each warm-up request of a SavedModel; none if it has none."""
    path = files.join(directory, *_PATH)
    # A folder of that name is damage, and said by whoever reads it.
    if not files.exists(path) and not files.is_folder(path):
        return []
    requests = []
    for record in tfrecords.read_records(path):
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        requests.append((request.model_spec.signature_name, inputs))
    return requests


def texts_of_all_lengths(seq_len: int) -> list[str]:
    """Texts that together reach every bucket of lengths (`bucketed_model`)."""
    # A word is a piece or two.
    return [" ".join(["word"] * length) for length in bucketed_model.bucket_lengths(seq_len)]
