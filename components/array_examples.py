"""tf.train.Examples from NumPy arrays, written straight in the wire format.

Protocol buffer messages take a Python object per number; a record of five features with 512 numbers
each takes a millisecond that way and 30 µs this way. An Example is a map whose entries stand one
after the other, so an entry that many records share is encoded once and joined to each. What is
written can be read by `tf.io.parse_example` and every other reader. For a few Python values
`tf_examples` is simpler.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

import numpy as np

# A tag is the field number times 8 plus wire type 2, "length-delimited" (Protocol Buffers,
# "Encoding"). The messages: tensorflow/core/example/feature.proto and example.proto.
_FIELD_1 = b"\x0a"
_FIELD_2 = b"\x12"
_FIELD_3 = b"\x1a"
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = _FIELD_1, _FIELD_2, _FIELD_3
# Below this, looking up one value after the other is faster than the arithmetic on arrays.
_FEW_VALUES = 100


def encode(entries: Iterable[bytes]) -> bytes:
    """A serialized tf.train.Example of what the `*_entry` functions returned; names must differ."""
    features = b"".join(entries)
    return _FIELD_1 + _length(features) + features


def int64_entry(name: str, values: np.ndarray | Sequence[int]) -> bytes:
    """A feature of integers.

    Args:
        name: of the feature.
        values: integers or booleans of any shape, flattened row by row.

    Raises:
        TypeError: if the values are not integers.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iub" and array.size:
        raise TypeError(f"Feature {name!r} holds {array.dtype}; int64_entry takes integers.")
    return packed_int64_entry(name, varints(array.reshape(-1)))


def scalar_entry(name: str, value: int) -> bytes:
    """A feature of one non-negative integer."""
    return packed_int64_entry(name, varint(value))


def packed_int64_entry(name: str, content: bytes) -> bytes:
    """A feature of integers of which the `varints` are there already, joined."""
    return _entry(name, _INT64_LIST, _packed(content))


def float_entry(name: str, values: np.ndarray | Sequence[float]) -> bytes:
    """A feature of float32 numbers; values of any shape, flattened row by row."""
    return _entry(name, _FLOAT_LIST, _packed(np.asarray(values, "<f4").tobytes()))


def bytes_entry(name: str, values: Sequence[bytes]) -> bytes:
    """A feature of byte strings."""
    return _entry(
        name, _BYTES_LIST, b"".join(_FIELD_1 + _length(value) + value for value in values)
    )


def varint(value: int) -> bytes:
    """Base-128 encoding of a non-negative integer, low digits first."""
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def varints(values: np.ndarray) -> bytes:
    """Base-128 encodings of integers, one after the other.

    Args:
        values: [n], of an integer type or bool, in the range of int64.
    """
    if not values.size:
        return b""
    has_negative = values.dtype.kind == "i" and values.min() < 0
    if values.size < _FEW_VALUES and not has_negative:
        return b"".join(map(_remembered_varint, values.tolist()))
    if has_negative:
        # Two's complement: a negative int64 takes all ten digits.
        values = values.astype(np.int64)
    values = values.astype(np.uint64)
    largest = int(values.max())
    if largest < 0x80:
        return values.astype(np.uint8).tobytes()
    if largest < 1 << 28:
        # Narrower arithmetic, for piece ids and offsets.
        values = values.astype(np.uint32)
    num_digits = -(-largest.bit_length() // 7)
    shifts = np.arange(0, 7 * num_digits, 7, dtype=values.dtype)
    rest = values[:, None] >> shifts
    is_used = rest != 0
    is_used[:, 0] = True
    digits = (rest & values.dtype.type(0x7F)).astype(np.uint8)
    # Every digit but a number's last announces another one.
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


# Lengths and piece ids come again and again; this is room for a vocabulary, and takes 10 MB.
_remembered_varint = functools.lru_cache(maxsize=1 << 16)(varint)
