"""Encodes NumPy arrays as tf.train.Examples by writing the protobuf wire format directly.

This is the fast path for the preprocessors. Building protobuf messages creates a Python object for
every number: a record with five features of 512 numbers each takes a millisecond that way and 30 µs
this way. On the wire, an Example is a map whose entries are simply concatenated, so an entry that
many records share is encoded once and joined to each of them. `tf.io.parse_example` and every other
reader can read the result. For a handful of Python values, `tf_examples` is simpler.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

import numpy as np

# A tag is the field number times 8, plus wire type 2 for "length-delimited" (Protocol Buffers
# documentation, "Encoding"). The messages are defined in tensorflow/core/example/feature.proto and
# example.proto.
_FIELD_1 = b"\x0a"
_FIELD_2 = b"\x12"
_FIELD_3 = b"\x1a"
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = _FIELD_1, _FIELD_2, _FIELD_3
# For fewer values than this, a table lookup per value is faster than arithmetic on whole arrays.
_FEW_VALUES = 100


def encode(entries: Iterable[bytes]) -> bytes:
    """Joins the results of the `*_entry` functions into a serialized tf.train.Example.

    Every entry must have a different feature name.
    """
    features = b"".join(entries)
    return _FIELD_1 + _length(features) + features


def int64_entry(name: str, values: np.ndarray | Sequence[int]) -> bytes:
    """Encodes an int64 feature.

    Args:
        name: name of the feature.
        values: integers or booleans of any shape; they are flattened in row-major order.

    Raises:
        TypeError: if the values are not integers.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iub" and array.size:
        raise TypeError(f"Feature {name!r} holds {array.dtype}; int64_entry takes integers.")
    return packed_int64_entry(name, varints(array.reshape(-1)))


def scalar_entry(name: str, value: int) -> bytes:
    """Encodes an int64 feature that holds a single non-negative integer."""
    return packed_int64_entry(name, varint(value))


def packed_int64_entry(name: str, content: bytes) -> bytes:
    """Encodes an int64 feature from values that are already encoded and joined (see `varints`)."""
    return _entry(name, _INT64_LIST, _packed(content))


def float_entry(name: str, values: np.ndarray | Sequence[float]) -> bytes:
    """Encodes a float32 feature; values of any shape are flattened in row-major order."""
    return _entry(name, _FLOAT_LIST, _packed(np.asarray(values, "<f4").tobytes()))


def bytes_entry(name: str, values: Sequence[bytes]) -> bytes:
    """Encodes a feature that holds byte strings."""
    return _entry(
        name, _BYTES_LIST, b"".join(_FIELD_1 + _length(value) + value for value in values)
    )


def varint(value: int) -> bytes:
    """Encodes a non-negative integer in base 128, least significant digit first."""
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def varints(values: np.ndarray) -> bytes:
    """Encodes integers in base 128 and concatenates the encodings.

    Args:
        values: [n] array of an integer type or bool, with values in the range of int64.
    """
    if not values.size:
        return b""
    has_negative = values.dtype.kind == "i" and values.min() < 0
    if values.size < _FEW_VALUES and not has_negative:
        return b"".join(map(_remembered_varint, values.tolist()))
    if has_negative:
        # Protobuf encodes negative numbers in two's complement, which takes all ten digits.
        values = values.astype(np.int64)
    values = values.astype(np.uint64)
    largest = int(values.max())
    if largest < 0x80:
        return values.astype(np.uint8).tobytes()
    if largest < 1 << 28:
        # Piece ids and offsets fit in 32 bits, where the arithmetic is faster.
        values = values.astype(np.uint32)
    num_digits = -(-largest.bit_length() // 7)
    shifts = np.arange(0, 7 * num_digits, 7, dtype=values.dtype)
    rest = values[:, None] >> shifts
    is_used = rest != 0
    is_used[:, 0] = True
    digits = (rest & values.dtype.type(0x7F)).astype(np.uint8)
    # The high bit of a digit says that another digit of the same number follows.
    digits[:, :-1] |= is_used[:, 1:].view(np.uint8) << 7
    return digits[is_used].tobytes()


def _entry(name: str, kind: bytes, content: bytes) -> bytes:
    key = name.encode()
    feature = kind + _length(content) + content
    entry = b"".join((_FIELD_1, _length(key), key, _FIELD_2, _length(feature), feature))
    return _FIELD_1 + _length(entry) + entry


def _packed(content: bytes) -> bytes:
    return _FIELD_1 + _length(content) + content if content else b""


def _length(content: bytes) -> bytes:
    return _remembered_varint(len(content))


# The same lengths and piece ids occur again and again. The cache has room for a whole vocabulary
# and takes about 10 MB.
_remembered_varint = functools.lru_cache(maxsize=1 << 16)(varint)
