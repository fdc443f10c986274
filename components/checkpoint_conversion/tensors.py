"""Named arrays that are read one at a time, so that a conversion never holds a model twice.

All readers of weight files return `Tensors`, and all writers take them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from components.checkpoint_conversion.errors import WeightsError

# Number of bytes per element, for the formats in which weights may be stored.
ITEM_SIZES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}

# Far more than any tensor of a network has, but small enough for NumPy as the size of an axis or as
# the number of 8-byte elements.
MAX_SIZE = 1 << 60
MAX_NUMBERS = 1 << 59
MAX_AXES = 8


class Tensors(Mapping[str, np.ndarray]):
    """Arrays by name; each access reads the array again from its file.

    Args:
        shapes: shapes of all arrays by name, which are known without reading the arrays.
        read: reads the array with a given name.
        where: file or folder of the arrays, for error messages.
        dtype: dtype to which arrays are converted; None keeps that in which they are stored.
        stored_as: for arrays whose name in the file differs from that used here, the name in the
            file.
    """

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        read: Callable[[str], np.ndarray],
        *,
        where: str,
        dtype: type[np.floating] | None = np.float32,
        stored_as: Mapping[str, str] | None = None,
    ) -> None:
        self.shapes = dict(shapes)
        self.where = where
        self.stored_as = dict(stored_as or {})
        self._read = read
        self._dtype = dtype

    def __getitem__(self, name: str) -> np.ndarray:
        """Reads an array.

        Raises:
            KeyError: if there is no array with this name.
            WeightsError: if the array is damaged, does not hold floating point numbers, or holds
                values that are not finite.
        """
        if name not in self.shapes:
            raise KeyError(name)
        array = self._read(name)
        if array.shape != self.shapes[name]:
            raise WeightsError(
                f"{self.where}: {name} has shape {list(array.shape)}, where "
                f"{list(self.shapes[name])} was announced. The file is damaged."
            )
        # NumPy considers TensorFlow's bfloat16 a void type ("V").
        if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
            raise WeightsError(
                f"{self.where}: {name} is of type {array.dtype}; weights are floating point "
                "numbers."
            )
        if self._dtype is not None:
            with np.errstate(over="ignore"):  # values that overflow become infinite, see below
                array = array.astype(self._dtype, copy=False)
        if not np.isfinite(array).all():
            raise WeightsError(
                f"{self.where}: {name} holds values that are not finite. The file is damaged, or "
                "the training that wrote it diverged."
            )
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def __contains__(self, name: object) -> bool:
        return name in self.shapes

    @property
    def num_parameters(self) -> int:
        """The number of elements in all arrays together."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def only(self, names: Iterable[str]) -> Tensors:
        """Returns only the arrays with these names."""
        shapes = {name: self.shapes[name] for name in names}
        return Tensors(
            shapes, self._read, where=self.where, dtype=self._dtype, stored_as=self.stored_as
        )

    def renamed(self, rename: Callable[[str], str]) -> Tensors:
        """Returns the same arrays under new names.

        Raises:
            WeightsError: if two of them would get the same name.
        """
        before: dict[str, str] = {}
        for name in self.shapes:
            other = before.setdefault(rename(name), name)
            if other != name:
                raise WeightsError(
                    f"{self.where} holds {other} and {name}, two spellings of one variable."
                )
        return Tensors(
            {new: self.shapes[old] for new, old in before.items()},
            lambda name: self._read(before[name]),
            where=self.where,
            dtype=self._dtype,
            stored_as={
                new: self.stored_as.get(old, old) for new, old in before.items() if new != old
            },
        )


def check_names(names: Iterable[str], where: str) -> None:
    """Raises a WeightsError for a name that is not valid Unicode and so could not be printed."""
    for name in names:
        try:
            name.encode("utf-8")
        except UnicodeEncodeError as error:
            raise WeightsError(
                f"{where} names a tensor {name[:200]!a}, which is no text. The file is damaged."
            ) from error


def decode(content: bytes, dtype: str) -> np.ndarray:
    """Converts little-endian bytes of a dtype in `ITEM_SIZES` to a flat array.

    NumPy has no bfloat16, so it becomes float32, which is exact.
    """
    if dtype == "bfloat16":
        halves = np.frombuffer(content, dtype="<u2")
        return (halves.astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(content, dtype=np.dtype(dtype).newbyteorder("<"))
