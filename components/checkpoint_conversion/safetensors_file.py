"""Reads and writes safetensors files, one tensor at a time, through Beam's filesystems.

The `safetensors` package is not used, because it only reads local files, does not support bfloat16
with NumPy, and holds everything that it writes in memory. The format is simple: the length of a
JSON header (8 bytes, little endian), the header, and the data. Source:
https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import contextlib
import json
import math
import reprlib
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from components import files, git_lfs
from components.checkpoint_conversion import tensors
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.tensors import Tensors

# This limit is part of the format.
_MAX_HEADER_BYTES = 100_000_000
_METADATA = "__metadata__"
_DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
# `transformers` rejects a file that does not name its framework. Our names and layouts are
# PyTorch's.
_WRITTEN_METADATA = {"format": "pt"}


@contextlib.contextmanager
def open_to_read(path: str) -> Iterator[Tensors]:
    """Opens a safetensors file; its tensors can be read inside the `with` block.

    Raises:
        WeightsError: if the file is not a safetensors file, is damaged, or is cut off.
    """
    with files.open_to_read(path, purpose="weights") as file:
        header, data_start, data_size = _read_header(file, path)
        spans = {name: _span(entry, data_size, f"{path}: {name}") for name, entry in header.items()}
        _check_gapless(list(spans.values()), data_size, path)

        def read(name: str) -> np.ndarray:
            dtype = _DTYPES.get(header[name]["dtype"])
            if dtype is None:
                raise WeightsError(
                    f"{path}: {name} is of type {header[name]['dtype']}; weights are one of "
                    f"{', '.join(_DTYPES)}."
                )
            begin, end = spans[name]
            file.seek(data_start + begin)
            content = file.read(end - begin)
            shape = header[name]["shape"]
            if len(content) != math.prod(shape) * tensors.ITEM_SIZES[dtype]:
                raise WeightsError(
                    f"{path}: {name} takes {len(content):,} bytes, which is not what {dtype} of "
                    f"shape {shape} needs. The file is damaged."
                )
            try:
                return tensors.decode(content, dtype).reshape(shape)
            except ValueError as error:  # a tensor with no elements, but with huge sizes
                raise WeightsError(f"{path}: {name} has an impossible shape: {error}") from error

        shapes = {name: tuple(entry["shape"]) for name, entry in header.items()}
        yield Tensors(shapes, read, where=path)


def write(path: str, weights: Tensors) -> None:
    """Writes a safetensors file atomically, with one tensor in memory at a time."""
    header: dict[str, Any] = {_METADATA: _WRITTEN_METADATA}
    position = 0
    for name, shape in weights.shapes.items():
        end = position + math.prod(shape) * tensors.ITEM_SIZES["float32"]
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [position, end]}
        position = end
    encoded = json.dumps(header, separators=(",", ":")).encode("utf-8")
    # Padding the header aligns the data, for readers that map the file into memory.
    encoded += b" " * (-len(encoded) % 8)
    with files.open_atomically(path) as file:
        file.write(struct.pack("<Q", len(encoded)))
        file.write(encoded)
        for name in weights:
            file.write(np.ascontiguousarray(weights[name], dtype="<f4").tobytes())


def _read_header(file: BinaryIO, path: str) -> tuple[dict[str, Any], int, int]:
    """Reads the header; returns its entries by name, and the data's start and size in bytes."""
    size = file.seek(0, 2)
    size = file.tell() if size is None else size  # `seek` of some of Beam's files returns None
    file.seek(0)
    prefix = file.read(8)
    length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
    if not 2 <= length <= min(_MAX_HEADER_BYTES, size - 8):
        if git_lfs.is_pointer(prefix + file.read(git_lfs.START_BYTES)):
            raise WeightsError(f"{path} is not a safetensors file. {git_lfs.HINT}")
        raise WeightsError(f"{path} is not a safetensors file, or is cut off in its header.")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path} has a damaged safetensors header: {error}") from error
    if not isinstance(header, dict):
        raise WeightsError(f"{path} has a damaged safetensors header: it is no JSON object.")
    header.pop(_METADATA, None)
    tensors.check_names(header, path)
    return header, 8 + length, size - 8 - length


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _span(entry: Any, data_size: int, where: str) -> tuple[int, int]:
    """Checks a header entry; returns where its tensor begins and ends (exclusive) in the data."""

    def are_sizes(values: Any) -> bool:
        return isinstance(values, list) and all(
            type(v) is int and 0 <= v <= tensors.MAX_SIZE for v in values
        )

    if (
        not isinstance(entry, dict)
        or not isinstance(entry.get("dtype"), str)
        or not are_sizes(entry.get("shape"))
        or not are_sizes(entry.get("data_offsets"))
        or len(entry["shape"]) > tensors.MAX_AXES
        or len(entry["data_offsets"]) != 2
    ):
        raise WeightsError(
            f"{where} has a damaged entry in the safetensors header: {reprlib.repr(entry)}"
        )
    begin, end = entry["data_offsets"]
    if not begin <= end <= data_size:
        raise WeightsError(
            f"{where} should end at byte {end:,} of the data, which has only {data_size:,}. The "
            "file is cut off; fetch it again."
        )
    return begin, end


def _check_gapless(spans: list[tuple[int, int]], data_size: int, path: str) -> None:
    position = 0
    for begin, end in sorted(spans):
        if begin != position:
            raise WeightsError(f"{path}: tensors overlap or leave gaps at byte {position:,}.")
        position = end
    if position != data_size:
        raise WeightsError(f"{path}: {data_size - position:,} bytes at its end are of no tensor.")
