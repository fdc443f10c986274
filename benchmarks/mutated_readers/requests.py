"""Requests to a server."""

from __future__ import annotations

import gzip
import pathlib

import tensorflow as tf
from aiohttp import web

from benchmarks.mutated_readers.mutated_reader import Counted, MutatedReader, Seed, as_json
from components.serving import request_body, rest
from components.serving.pushed_model import Signature

_TEXT = tf.TensorSpec([None], tf.string)
_SIGNATURES = {
    "serving_default": Signature({"text_a": _TEXT, "text_b": _TEXT}, {"scores": _TEXT}),
    "examples": Signature({"examples": _TEXT}, {"scores": _TEXT}),
    "ids": Signature({"ids": tf.TensorSpec([None, 2], tf.int32)}, {}),
    "choice": Signature(
        {"text_a": _TEXT, "options": tf.TensorSpec([None, 2], tf.string)}, {"scores": _TEXT}
    ),
    "mask": Signature({"mask": tf.TensorSpec([None], tf.float32)}, {}),
}


def _request_seeds() -> list[Seed]:
    bodies = [
        {"instances": [{"text_a": "Nora", "text_b": "été"}]},
        {"inputs": {"text_a": ["Nora"], "text_b": [""]}},
        {"signature_name": "examples", "instances": [{"b64": "AP8="}]},
        {"signature_name": "ids", "instances": [[1, 2], [3, 4]]},
        {"signature_name": "choice", "instances": [{"text_a": "x", "options": ["a", "b"]}]},
        {"signature_name": "mask", "inputs": [1, 0.5]},
    ]
    return [
        *(Seed("body", as_json(body)) for body in bodies),
        Seed("body.gz", as_json(bodies[0]), gzip.compress),
    ]


def _read_request(path: pathlib.Path) -> Counted:
    body = path.read_bytes()
    if path.suffix == ".gz":
        body = request_body.decompress(body, is_gzip=True, max_bytes=1 << 20)
    request = rest.parse(body, _SIGNATURES, rest.Limits())
    return request.num_rows, len(next(iter(request.inputs.values())))


READERS = (
    MutatedReader(
        "request",
        _request_seeds,
        _read_request,
        (rest.RequestError, web.HTTPRequestEntityTooLarge),
        names_file=False,
    ),
)
