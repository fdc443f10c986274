"""Converts TF Serving's REST format into arrays and back.

The body of a request has either `instances` (a list with an entry per row) or `inputs` (a list per
input). The answer has `predictions` or `outputs`, respectively, in the same form. See "RESTful API"
in the documentation of TensorFlow Serving. Unlike there, an empty `text_b` may be left out or null.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import json
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.example_gen.classification.interpretation import UnusableRowError, as_text
from components.export.input_columns import InputColumns
from components.export.signatures import SERVING_DEFAULT
from components.serving import usable_text
from components.serving.pushed_model import REQUIRED_TEXTS, TEXTS, Signature

_KNOWN_KEYS = {"signature_name", "instances", "inputs"}
# Longest integer that is parsed. TensorFlow's integer types have at most 20 digits, and Python
# takes quadratic time to parse a longer one, or refuses to.
_MAX_DIGITS = 400
_MAY_BE_LEFT_OUT = set(TEXTS) - set(REQUIRED_TEXTS)
# Says what is wrong with a text for an input.
_Problem = Callable[[str | bytes, str], str]


class RequestError(ValueError):
    """A request that cannot be answered; the message says what is wrong and what is legal."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits on the size of a request.

    Attributes:
        max_rows: largest number of rows in a request; a row is a text, or a pair of texts.
        max_text_bytes: largest size of one text in UTF-8, in bytes.
    """

    max_rows: int = 256
    max_text_bytes: int = 65_536


@dataclasses.dataclass(frozen=True)
class PredictRequest:
    """A checked request that can be run.

    Attributes:
        signature: name of the signature to call.
        inputs: an array for each input of the signature, all with the same number of rows.
        by_row: whether the request has `instances` rather than `inputs`.
    """

    signature: str
    inputs: dict[str, np.ndarray]
    by_row: bool

    @property
    def num_rows(self) -> int:
        """Number of rows of each input."""
        return len(next(iter(self.inputs.values())))


def parse(
    body: bytes,
    signatures: Mapping[str, Signature],
    limits: Limits,
    columns: InputColumns | None = None,
) -> PredictRequest:
    """Parses the body of a request.

    Args:
        body: the decompressed body, which should be JSON in UTF-8.
        signatures: signatures of the model by name.
        limits: limits on the size of the request.
        columns: how the model's training files held the texts; None if that is not known.

    Raises:
        RequestError: if the body is not JSON, or does not fit the signature or the limits.
    """
    content = _read_json(body)
    unknown = sorted(set(content) - _KNOWN_KEYS)
    if unknown:
        raise RequestError(
            f"unknown keys {reprlib.repr(unknown)}; a request may have {sorted(_KNOWN_KEYS)}"
        )
    # As in TF Serving, an empty name stands for the default signature.
    name = content.get("signature_name", "")
    if name == "":
        name = SERVING_DEFAULT
    if not isinstance(name, str) or name not in signatures:
        raise RequestError(f"no signature {reprlib.repr(name)}; the model has {sorted(signatures)}")
    signature = signatures[name]
    if ("instances" in content) == ("inputs" in content):
        raise RequestError('give either "instances" (a list of rows) or "inputs" (a list each)')
    by_row = "instances" in content
    given = (
        _columns_of_rows(content["instances"], signature)
        if by_row
        else _columns(content["inputs"], signature)
    )
    sizes = {key: len(values) for key, values in given.items()}
    if len(set(sizes.values())) > 1:
        raise RequestError(f"the inputs have different numbers of rows: {sizes}")
    num_rows = next(iter(sizes.values()))
    if not 1 <= num_rows <= limits.max_rows:
        raise RequestError(f"a request has 1 to {limits.max_rows} rows, not {num_rows}")
    problem = functools.partial(
        usable_text.problem, columns=columns or InputColumns(), max_bytes=limits.max_text_bytes
    )
    inputs = {
        key: _array(key, given[key], spec, problem, list_length=signature.list_length(key))
        for key, spec in signature.inputs.items()
    }
    return PredictRequest(name, inputs, by_row)


def format_outputs(outputs: Mapping[str, np.ndarray], *, by_row: bool) -> dict[str, Any]:
    """Returns the body of the response.

    Args:
        outputs: an array for each output of the signature.
        by_row: whether to return `predictions` rather than `outputs`.
    """
    plain = {name: _plain(name, value) for name, value in outputs.items()}
    single = len(plain) == 1
    if not by_row:
        return {"outputs": next(iter(plain.values())) if single else plain}
    rows = [dict(zip(plain, values, strict=True)) for values in zip(*plain.values(), strict=True)]
    return {"predictions": [next(iter(row.values())) for row in rows] if single else rows}


def metadata(name: str, version: int, signatures: Mapping[str, Signature]) -> dict[str, Any]:
    """Returns what TF Serving's `/metadata` says about a model."""
    definitions = {
        key: {
            "inputs": {k: _tensor_info(k, spec) for k, spec in signature.inputs.items()},
            "outputs": {k: _tensor_info(k, spec) for k, spec in signature.outputs.items()},
            "method_name": "tensorflow/serving/predict",
        }
        for key, signature in signatures.items()
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": definitions}},
    }


def _read_json(body: bytes) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise RequestError(f"{constant} is not a number that JSON has")

    def integer(digits: str) -> int:
        if len(digits) > _MAX_DIGITS:
            raise RequestError(f"an integer of {len(digits):,} digits is no value of any input")
        return int(digits)

    try:
        content = json.loads(body.decode("utf-8"), parse_constant=refuse, parse_int=integer)
    except UnicodeDecodeError as error:
        raise RequestError(f"the body is not UTF-8 from byte {error.start} on") from error
    except json.JSONDecodeError as error:
        raise RequestError(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise RequestError("the body is nested too deeply") from error
    if not isinstance(content, dict):
        raise RequestError('the body should be a JSON object with "instances" or "inputs"')
    return content


def _columns_of_rows(rows: Any, signature: Signature) -> dict[str, list[Any]]:
    names = list(signature.inputs)
    if not isinstance(rows, list):
        raise RequestError('"instances" should be a list')
    if len(names) == 1 and not any(isinstance(row, dict) and names[0] in row for row in rows):
        return {names[0]: rows}
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or not _has_inputs(row, signature):
            found = reprlib.repr(sorted(row)) if isinstance(row, dict) else type(row).__name__
            raise RequestError(
                f"row {number} of instances should be an object with {sorted(names)}, not {found}"
            )
        for name in names:
            columns[name].append(row.get(name, ""))
    return columns


def _has_inputs(given: Mapping[str, Any], signature: Signature) -> bool:
    """Whether these are the inputs of a signature; a text that may be empty may be left out."""
    return set(signature.inputs) - _MAY_BE_LEFT_OUT <= set(given) <= set(signature.inputs)


def _columns(inputs: Any, signature: Signature) -> dict[str, list[Any]]:
    names = list(signature.inputs)
    if len(names) == 1 and isinstance(inputs, list):
        inputs = {names[0]: inputs}
    if not isinstance(inputs, dict) or not _has_inputs(inputs, signature):
        found = reprlib.repr(sorted(inputs)) if isinstance(inputs, dict) else type(inputs).__name__
        raise RequestError(f'"inputs" should be an object with {sorted(names)}, not {found}')
    for name, values in inputs.items():
        if not isinstance(values, list):
            raise RequestError(f"{name} should be a list with a value for each row")
    num_rows = max(map(len, inputs.values()))
    return {name: inputs.get(name, [""] * num_rows) for name in names}


def _array(
    name: str,
    values: Sequence[Any],
    spec: tf.TensorSpec,
    problem: _Problem,
    *,
    list_length: int | None,
) -> np.ndarray:
    if list_length is not None:
        return np.array(
            [
                _texts(name, number, value, list_length, problem)
                for number, value in enumerate(values)
            ],
            object,
        )
    if spec.dtype == tf.string:
        return np.array(
            [_text(name, number, value, problem) for number, value in enumerate(values)], object
        )
    dtype = spec.dtype.as_numpy_dtype
    # NumPy would allocate as much memory for every text as for the longest one.
    if found := _no_number(values):
        raise RequestError(f"{name} should hold {spec.dtype.name} values, not {found}")
    try:
        array = np.array(values)
    except (ValueError, OverflowError) as error:
        raise RequestError(f"the rows of {name} have different lengths") from error
    legal_kinds = "iu" if np.dtype(dtype).kind == "i" else "iuf"
    if array.dtype.kind not in legal_kinds:
        raise RequestError(f"{name} should hold {spec.dtype.name} values, not {_kind(array)}")
    if not spec.shape.is_compatible_with(array.shape):
        raise RequestError(f"{name} should have the shape {spec.shape}, not {array.shape}")
    if np.dtype(dtype).kind == "i" and array.size:
        bounds = np.iinfo(dtype)
        if array.min() < bounds.min or array.max() > bounds.max:
            raise RequestError(f"{name} has values outside of {spec.dtype.name}")
    with np.errstate(over="ignore"):
        converted = array.astype(dtype)
    if converted.dtype.kind == "f" and not np.isfinite(converted).all():
        raise RequestError(f"{name} has values outside of {spec.dtype.name}")
    return converted


def _no_number(values: Any) -> str:
    """Returns what nested lists hold beside numbers, text or booleans; empty if nothing."""
    waiting = [values]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            return "text"
        if isinstance(value, bool):
            return "booleans"
        if isinstance(value, list):
            waiting += value
    return ""


def _texts(name: str, number: int, values: Any, length: int, problem: _Problem) -> list[bytes]:
    if not isinstance(values, list) or len(values) != length:
        found = f"{len(values)}" if isinstance(values, list) else type(values).__name__
        raise RequestError(
            f"{name} of row {number} should be a list of {length} texts, not {found}"
        )
    return [_text(name, number, value, problem) for value in values]


def _text(name: str, number: int, value: Any, problem: _Problem) -> bytes:
    where = f"{name} of row {number}"
    if value is None and name in _MAY_BE_LEFT_OUT:
        return b""
    if isinstance(value, str):
        try:
            encoded = value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise RequestError(f"{where} has half a surrogate pair") from error
    elif isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str):
        try:
            encoded = base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, ValueError) as error:
            raise RequestError(f"{where} is not base64") from error
    else:
        raise RequestError(
            f'{where} should be text, or {{"b64": …}} for bytes, not {type(value).__name__}'
        )
    text: str | bytes = encoded
    if name in TEXTS:
        try:
            text = as_text(encoded.decode("utf-8"), name)
        except UnicodeDecodeError as error:
            raise RequestError(f"{where} is not UTF-8 from byte {error.start} on") from error
        except UnusableRowError as error:
            raise RequestError(f"{where}: {error.reason}") from error
    if found := problem(text, name):
        raise RequestError(f"{where}: {found}")
    return encoded


def _kind(array: np.ndarray) -> str:
    return {"f": "fractions", "O": "objects"}.get(array.dtype.kind, array.dtype.name)


def _plain(name: str, value: np.ndarray) -> list[Any]:
    if value.dtype != object:
        return value.tolist()
    # This is TF Serving's rule for telling bytes from text.
    as_text = not name.endswith("_bytes")

    def convert(item: Any) -> Any:
        if isinstance(item, list):
            return [convert(part) for part in item]
        if as_text:
            return item.decode("utf-8", "replace")
        return {"b64": base64.b64encode(item).decode()}

    return convert(value.tolist())


def _tensor_info(name: str, spec: tf.TensorSpec) -> dict[str, Any]:
    return {
        "dtype": f"DT_{'FLOAT' if spec.dtype == tf.float32 else spec.dtype.name.upper()}",
        "tensor_shape": {
            "dim": [{"size": str(-1 if size is None else size), "name": ""} for size in spec.shape],
            "unknown_rank": False,
        },
        "name": name,
    }
