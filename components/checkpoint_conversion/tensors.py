"""Named arrays that are read one at a time, so that a conversion never holds a model twice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from components.checkpoint_conversion.errors import WeightsError

# Bytes per element of the formats that weights are stored in.
ITEM_SIZES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}

# Far more than any tensor of a network has, and still what NumPy can take as a size, or as the
# number of elements of 8 bytes.
MAX_SIZE = 1 << 60
MAX_NUMBERS = 1 << 59
MAX_AXES = 8


class Tensors(Mapping[str, np.ndarray]):
    """Arrays by name; each look-up reads the array anew from where it lies.

    Args:
        shapes: of every array, known without reading it.
        read: gives the array of a name.
        where: file or folder, for messages.
        dtype: to which arrays are converted; None leaves them as they are stored.
        stored_as: names in the file of those arrays that have another one here.
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
            KeyError: if there is none of this name.
            WeightsError: if it is damaged, no floating point numbers, or not finite.
        """
        if name not in self.shapes:
            raise KeyError(name)
        array = self._read(name)
        if array.shape != self.shapes[name]:
            raise WeightsError(
                f"{self.where}: {name} has shape {list(array.shape)}, where "
                f"{list(self.shapes[name])} was announced. The file is damaged."
            )
        # bfloat16 as TensorFlow gives it counts as a void type ("V") in NumPy.
        if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
            raise WeightsError(
                f"{self.where}: {name} is of type {array.dtype}; weights are floating point "
                "numbers."
            )
        if self._dtype is not None:
            with np.errstate(over="ignore"):  # what does not fit is found as not finite
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
        """Numbers in all arrays together."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def only(self, names: Iterable[str]) -> Tensors:
        """Some of the arrays."""
        shapes = {name: self.shapes[name] for name in names}
        return Tensors(
            shapes, self._read, where=self.where, dtype=self._dtype, stored_as=self.stored_as
        )

    def renamed(self, rename: Callable[[str], str]) -> Tensors:
        """The same arrays under other names.

        Raises:
            WeightsError: if two of them would have the same name.
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
    """Raises a WeightsError for a name that is no Unicode text, which nothing could print."""
    for name in names:
        try:
            name.encode("utf-8")
        except UnicodeEncodeError as error:
            raise WeightsError(
                f"{where} names a tensor {name[:200]!a}, which is no text. The file is damaged."
            ) from error


def decode(content: bytes, dtype: str) -> np.ndarray:
    """Little-endian bytes of a dtype in `ITEM_SIZES` → a flat array.

    bfloat16 becomes float32, exactly: NumPy has no such type.
    """
    if dtype == "bfloat16":
        halves = np.frombuffer(content, dtype="<u2")
        return (halves.astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(content, dtype=np.dtype(dtype).newbyteorder("<"))
