"""Reads the pickles inside PyTorch files without unpickling them.

A pickle is a program for a small stack machine. The standard library's `pickletools` splits it into
instructions. This module executes only those that build plain values, and represents tensors by
references. Nothing that the file names is ever imported or called: names are compared with a short
list, and any other name is an error.
"""

from __future__ import annotations

import dataclasses
import math
import pickletools
import reprlib
from collections.abc import Callable
from typing import Any, BinaryIO

from components.checkpoint_conversion import tensors
from components.checkpoint_conversion.errors import UnsafePickleError, WeightsError

# Some of Python's errors quote all that was read.
_quoted = reprlib.Repr()
_quoted.maxstring = 200

# PyTorch's storage classes and the corresponding dtypes for `tensors.decode`; None for types that
# weights never have.
_STORAGES = {
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    **dict.fromkeys(
        ("BoolStorage", "ByteStorage", "CharStorage", "ShortStorage", "IntStorage", "LongStorage")
    ),
}
_ORDERED_DICT = ("collections", "OrderedDict")
_REBUILD_TENSOR = ("torch._utils", "_rebuild_tensor_v2")
_REBUILD_PARAMETER = ("torch._utils", "_rebuild_parameter")
_FUNCTIONS = (_ORDERED_DICT, _REBUILD_TENSOR, _REBUILD_PARAMETER)

# For comparison: a state dict of XLNet-Large takes about 40,000 instructions.
_MAX_INSTRUCTIONS = 5_000_000
# The longest legitimate arguments are names of tensors.
_MAX_ARGUMENT_BYTES = 1 << 20
_MAX_SHOWN = 200
_PUSHED_AS_THEY_ARE = frozenset(
    {
        *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        *("BINUNICODE", "SHORT_BINUNICODE"),
        *("BINSTRING", "SHORT_BINSTRING"),  # from Python 2
    }
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict}
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARK = object()


@dataclasses.dataclass(frozen=True)
class Storage:
    """A reference to numbers that are stored elsewhere in the file.

    Attributes:
        dtype: dtype for `tensors.decode`; None if they are not floating point numbers.
        key: key under which they are found.
        count: number of elements.
    """

    dtype: str | None
    key: str
    count: int


@dataclasses.dataclass(frozen=True)
class TensorReference:
    """A tensor as a view of a storage.

    Attributes:
        storage: the storage with the tensor's numbers.
        offset: position of the tensor's first element in the storage, in elements.
        shape: shape of the tensor.
        strides: strides of the tensor, in elements.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class _Name:
    """A global name that occurs in the pickle; it is never looked up or imported."""

    module: str
    name: str


def read(stream: BinaryIO, *, where: str) -> Any:
    """Reads the value that a pickle describes.

    Args:
        stream: the file, positioned at the beginning of the pickle; afterwards, it is positioned
            behind its last byte.
        where: path of the file, for error messages.

    Returns:
        A value made of dicts, lists, tuples, strings, numbers, and references to tensors.

    Raises:
        UnsafePickleError: if the pickle contains anything that tensors do not need.
        WeightsError: if the pickle is damaged.
    """
    try:
        return _Machine(where).run(_Bounded(stream))
    except WeightsError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        reason = _quoted.repr(str(error))
        raise WeightsError(
            f"{where} is damaged: its list of tensors ends in {type(error).__name__}: {reason}."
        ) from error


class _Bounded:
    """The file methods that `pickletools` needs, with a limit on how much is read at once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.tell = stream.tell

    def read(self, size: int) -> bytes:
        if size > _MAX_ARGUMENT_BYTES:
            raise ValueError(f"an argument of {size:,} bytes")
        return self._stream.read(size)

    def readline(self) -> bytes:
        return self._stream.readline(_MAX_ARGUMENT_BYTES)


class _Machine:
    """The stack machine; it only knows the instructions that build plain values."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self, stream: _Bounded) -> Any:
        for count, (instruction, argument, _) in enumerate(pickletools.genops(stream)):
            if count > _MAX_INSTRUCTIONS:
                raise WeightsError(f"{self._where} has more instructions than any XLNet needs.")
            if instruction.name == "STOP":
                break
            self._step(instruction.name, argument)
        (value,) = self._stack
        return value

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _PUSHED_AS_THEY_ARE:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "TUPLE":
            stack.append(tuple(self._pop_to_mark()))
        elif name in _SHORT_TUPLES:
            items = [stack.pop() for _ in range(_SHORT_TUPLES[name])]
            stack.append(tuple(reversed(items)))
        elif name in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif name in ("APPEND", "APPENDS"):
            items = self._pop_to_mark() if name == "APPENDS" else [stack.pop()]
            _expect(stack[-1], list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            self._set_items(self._pop_to_mark() if name == "SETITEMS" else self._pop(2))
        elif name == "GLOBAL":
            module, _, attribute = argument.partition(" ")
            stack.append(self._name(module, attribute))
        elif name == "STACK_GLOBAL":
            module, attribute = self._pop(2)
            stack.append(self._name(module, attribute))
        elif name == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif name == "REDUCE":
            function, arguments = self._pop(2)
            stack.append(_reduce(_expect(function, _Name), _expect(arguments, tuple)))
        elif name == "BUILD":
            # The state of a state dict, which consists of module versions, is not needed.
            stack.pop()
            _expect(stack[-1], dict)
        elif name not in ("PROTO", "FRAME"):
            raise UnsafePickleError(
                f"{self._where} uses the pickle instruction {name}, which no list of tensors "
                "needs. It was not carried out; do not load this file with PyTorch either unless "
                "you trust its author."
            )

    def _pop(self, count: int) -> list[Any]:
        items = [self._stack.pop() for _ in range(count)]
        return items[::-1]

    def _pop_to_mark(self) -> list[Any]:
        items = []
        while (item := self._stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _set_items(self, items: list[Any]) -> None:
        target = _expect(self._stack[-1], dict)
        if len(items) % 2:
            raise ValueError("a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, (str, int)):
                raise TypeError("a key that is neither text nor number")
            target[key] = value

    def _name(self, module: Any, name: Any) -> _Name:
        _expect(module, str), _expect(name, str)
        known = (module, name) in _FUNCTIONS or (module == "torch" and name in _STORAGES)
        if not known:
            raise UnsafePickleError(
                f"{self._where} names {_shown(module, name)}, which no list of tensors needs. "
                "Nothing was executed; do not load this file with PyTorch either unless you trust "
                "its author."
            )
        return _Name(module, name)


def _shown(module: str, name: str) -> str:
    # A damaged name may take a megabyte or contain characters that cannot be printed.
    full = f"{module}.{name}"
    return ascii(full[:_MAX_SHOWN])[1:-1] + ("…" if len(full) > _MAX_SHOWN else "")


def _expect(value: Any, kind: type) -> Any:
    # Error messages never show a value, because repr fails for a million nested tuples.
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__} in place of {kind.__name__}")
    return value


def _size(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= tensors.MAX_SIZE:
        raise ValueError(f"{type(value).__name__} in place of a size, or one that none can have")
    return value


def _storage(reference: Any) -> Storage:
    # In files from before PyTorch 1.6 there is a sixth item, for views of a storage.
    kind, name, key, _, count, *view = _expect(reference, tuple)
    if kind != "storage" or _expect(name, _Name).module != "torch" or any(view):
        raise ValueError("a reference to something other than a storage")
    return Storage(_STORAGES[name.name], _expect(key, str), _size(count))


def _reduce(function: _Name, arguments: tuple) -> Any:
    called = (function.module, function.name)
    if called == _ORDERED_DICT:
        if not arguments:
            return {}
        (pairs,) = arguments
        return {_expect(key, str): value for key, value in _expect(pairs, list)}
    if called == _REBUILD_TENSOR:
        return _tensor(*arguments[:4])
    if called == _REBUILD_PARAMETER:
        return _expect(arguments[0], TensorReference)
    raise TypeError(f"{function.name} is called")


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> TensorReference:
    shape = tuple(_size(size) for size in _expect(shape, tuple))
    strides = tuple(_size(stride) for stride in _expect(strides, tuple))
    tensor = TensorReference(_expect(storage, Storage), _size(offset), shape, strides)
    # In a tensor without elements the other sizes do not matter, but NumPy still multiplies them.
    if len(shape) > tensors.MAX_AXES or math.prod(max(n, 1) for n in shape) > tensors.MAX_NUMBERS:
        raise ValueError("a tensor larger than any is")
    if len(shape) != len(strides):
        raise ValueError("a tensor with another number of strides than of axes")
    count = math.prod(shape)
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    # With strides of 0 a tensor could have more elements than its storage has numbers. A small file
    # could then fill the memory.
    if count and (last >= storage.count or count > storage.count):
        raise ValueError("a tensor that reaches beyond its storage")
    return tensor
