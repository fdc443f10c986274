"""Reads weights from files of `torch.save` (`pytorch_model.bin`), without PyTorch or unpickling.

Since PyTorch 1.6, such a file is a zip archive in which `data.pkl` lists the tensors and the
entries `data/<key>` hold their numbers. Before that (the first published Hugging Face weights are
that old), it was a sequence of pickles followed by the numbers. In both cases, `torch_pickle` reads
the list of tensors without executing anything in it.
"""

from __future__ import annotations

import contextlib
import io
import reprlib
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from components import files, git_lfs
from components.checkpoint_conversion import tensors, torch_pickle
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.tensors import Tensors
from components.checkpoint_conversion.torch_pickle import Storage, TensorReference

_ZIP_MAGIC = b"PK\x03\x04"
# The first value in a file from before PyTorch 1.6. Source: torch/serialization.py, MAGIC_NUMBER.
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_START = b"\x80\x02\x8a\x0a" + _LEGACY_MAGIC.to_bytes(10, "little")
# The errors that `zipfile` raises for damaged archives. It raises RuntimeError (of which
# NotImplementedError is a subclass) if damage looks like an unsupported flag or version.
_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, OSError, OverflowError, RuntimeError, ValueError),
)
# For comparison: the list of tensors of XLNet-Large takes 50 kB.
_MAX_LIST_BYTES = 64 << 20


@contextlib.contextmanager
def open_to_read(path: str) -> Iterator[Tensors]:
    """Opens a PyTorch file; its tensors can be read inside the `with` block.

    Raises:
        UnsafePickleError: if the file asks for something other than tensors.
        WeightsError: if it was not written by `torch.save`, is damaged or cut off, or holds
            something other than one tensor per name.
    """
    with files.open_to_read(path, purpose="weights") as file:
        start = file.read(len(_LEGACY_START))
        file.seek(0)
        if start.startswith(_ZIP_MAGIC):
            content, read_storage = _open_zip(file, path)
        elif start == _LEGACY_START:
            content, read_storage = _open_legacy(file, path)
        else:
            hint = f" {git_lfs.HINT}" if git_lfs.is_pointer(file.read(git_lfs.START_BYTES)) else ""
            raise WeightsError(
                f"{path} was not written by torch.save, or its beginning is damaged.{hint}"
            )
        references = _references(content, path)
        shapes = {name: reference.shape for name, reference in references.items()}

        def read(name: str) -> np.ndarray:
            return _view(references[name], read_storage, f"{path}: {name}")

        yield Tensors(shapes, read, where=path)


def _references(content: Any, path: str) -> Mapping[str, TensorReference]:
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds a {type(content).__name__}, not a state dict.")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, TensorReference):
            raise WeightsError(
                f"{path} is no state dict of tensors: it holds a {type(value).__name__} under "
                f"{reprlib.repr(name)}. If it is a checkpoint of a training run, save the model's "
                "state_dict() alone."
            )
    tensors.check_names(content, path)
    return content


def _view(
    reference: TensorReference, read_storage: Callable[[Storage], bytes], where: str
) -> np.ndarray:
    dtype = reference.storage.dtype
    if dtype is None:
        raise WeightsError(f"{where} holds whole numbers; weights are floating point numbers.")
    flat = tensors.decode(read_storage(reference.storage), dtype)
    if 0 in reference.shape:
        # A tensor without elements may have arbitrary strides.
        return flat[:0].reshape(reference.shape)
    view = np.lib.stride_tricks.as_strided(
        flat[reference.offset :],
        reference.shape,
        [
            stride * flat.itemsize if size > 1 else 0
            for size, stride in zip(reference.shape, reference.strides, strict=True)
        ],
        writeable=False,
    )
    return np.ascontiguousarray(view).reshape(reference.shape)


def _open_zip(file: BinaryIO, path: str) -> tuple[Any, Callable[[Storage], bytes]]:
    try:
        archive = zipfile.ZipFile(file)
    except _ZIP_ERRORS as error:
        raise WeightsError(f"{path} is a damaged zip archive, or cut off: {error}") from error
    lists = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(lists) != 1:
        raise WeightsError(f"{path} is a zip archive, but not one of torch.save.")
    folder = lists[0].removesuffix("data.pkl")
    length = file.seek(0, io.SEEK_END)

    def read_entry(name: str, size: int | None = None) -> bytes:
        try:
            entry = archive.getinfo(name)
            # torch.save never compresses, so a compressed entry could be a decompression bomb.
            if entry.compress_type != zipfile.ZIP_STORED:
                raise WeightsError(f"{path}: {name} is compressed, which torch.save never does.")
            # Nothing is reserved for more than what the file can hold.
            if not entry.file_size == entry.compress_size <= length:
                raise WeightsError(f"{path}: {name} is damaged: its size is wrong.")
            if size is not None and entry.file_size != size:
                raise WeightsError(
                    f"{path}: {name} has {entry.file_size:,} bytes instead of {size:,}."
                )
            if size is None and entry.file_size > _MAX_LIST_BYTES:
                raise WeightsError(f"{path}: {name} is larger than any list of tensors.")
            return archive.read(entry)  # checks the CRC-32
        except KeyError as error:
            raise WeightsError(f"{path} has no {name}; it is damaged.") from error
        except WeightsError:
            raise
        except _ZIP_ERRORS as error:
            raise WeightsError(f"{path}: {name} is damaged: {error}") from error

    if f"{folder}byteorder" in archive.namelist():
        _check_little_endian(read_entry(f"{folder}byteorder") == b"little", path)

    def read_storage(storage: Storage) -> bytes:
        size = storage.count * tensors.ITEM_SIZES[storage.dtype]
        return read_entry(f"{folder}data/{storage.key}", size)

    return torch_pickle.read(io.BytesIO(read_entry(lists[0])), where=path), read_storage


def _open_legacy(file: BinaryIO, path: str) -> tuple[Any, Callable[[Storage], bytes]]:
    torch_pickle.read(file, where=path)  # the magic number
    torch_pickle.read(file, where=path)  # the protocol's version, which is always 1001
    system = torch_pickle.read(file, where=path)
    _check_little_endian(isinstance(system, dict) and system.get("little_endian") is True, path)
    content = torch_pickle.read(file, where=path)
    keys = torch_pickle.read(file, where=path)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise WeightsError(f"{path} has a damaged list of storages.")
    # The storages follow each other, each preceded by the number of its elements (8 bytes). The
    # size of an element is only known from the references.
    storages = {value.storage.key: value.storage for value in _references(content, path).values()}
    starts: dict[str, int] = {}
    position = file.tell()
    length = file.seek(0, io.SEEK_END)
    for key in keys:
        storage = storages.get(key)
        if storage is None or storage.dtype is None:
            raise WeightsError(f"{path} has a storage that is no floating point tensor's.")
        file.seek(position)
        count = file.read(8)
        if len(count) != 8 or struct.unpack("<q", count)[0] != storage.count:
            raise WeightsError(f"{path} is damaged or cut off at byte {position:,}.")
        starts[key] = position + 8
        position += 8 + storage.count * tensors.ITEM_SIZES[storage.dtype]
        if position > length:
            raise WeightsError(f"{path} is cut off at byte {length:,}.")

    def read_storage(storage: Storage) -> bytes:
        size = storage.count * tensors.ITEM_SIZES[storage.dtype]
        if storage.key not in starts:
            raise WeightsError(f"{path} has no storage {storage.key!r}; it is damaged.")
        file.seek(starts[storage.key])
        return file.read(size)

    return content, read_storage


def _check_little_endian(is_little: bool, path: str) -> None:
    if not is_little:
        raise WeightsError(f"{path} was written on a big-endian machine, which is not supported.")
