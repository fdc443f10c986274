"""Files that PyTorch wrote (data/README.md), and files that want more than be read."""

import io
import os
import pathlib
import pickle
import pickletools
import struct
import zipfile

import numpy as np
import pytest

from components.checkpoint_conversion import torch_file, torch_pickle
from components.checkpoint_conversion.errors import UnsafePickleError, WeightsError

DATA = pathlib.Path(__file__).parent / "data"
FILES = ["torch_zip.bin", "torch_legacy.bin"]
MAGIC = 0x1950A86A20F9469CFC6C


def read(path):
    with torch_file.open_to_read(str(path)) as tensors:
        return dict(tensors)


@pytest.mark.parametrize("name", FILES)
def test_reads_what_pytorch_wrote(name):
    found = read(DATA / name)
    base = np.arange(12, dtype=np.float32).reshape(3, 4)
    expected = {
        "plain": base,
        "transposed": base.T,
        "part": [[5, 6], [9, 10]],
        "half": [0.5, -2.0],
        "brain": [1.5, -3.0],
        "double": 0.25,
        "parameter": [1, 1],
        "empty": np.zeros((0, 3)),
    }
    assert list(found) == list(expected)
    for key, array in expected.items():
        assert found[key].dtype == np.float32
        assert found[key].shape == np.shape(array)
        np.testing.assert_array_equal(found[key], array)


@pytest.mark.parametrize("name", FILES)
def test_cut_off_anywhere_it_is_one_named_error(tmp_path, name):
    content = (DATA / name).read_bytes()
    path = tmp_path / "pytorch_model.bin"
    for length in range(0, len(content), 13):
        path.write_bytes(content[:length])
        with pytest.raises(WeightsError, match=r"pytorch_model\.bin"):
            read(path)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_gives_a_named_error_or_what_was_there(tmp_path, name):
    content = (DATA / name).read_bytes()
    path = tmp_path / "pytorch_model.bin"
    errors = 0
    for position in range(0, len(content), 11):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        path.write_bytes(bytes(damaged))
        try:
            read(path)
        except WeightsError:
            errors += 1
    assert errors > len(content) / 11 / 4


class RunsACommand:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def zip_of(pickled: bytes, storages=()) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, content in storages:
            archive.writestr(f"archive/data/{key}", content)
    return buffer.getvalue()


def legacy_of(*pickled: bytes) -> bytes:
    # PyTorch writes all of a file in protocol 2.
    return b"".join([pickle.dumps(MAGIC, 2), pickle.dumps(1001, 2), *pickled])


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_malicious_file_is_refused_and_nothing_is_executed(tmp_path, protocol):
    trace, path = tmp_path / "executed", tmp_path / "pytorch_model.bin"
    attack = pickle.dumps({"w": RunsACommand(trace)}, protocol)
    system = pickle.dumps({"little_endian": True}, 2)
    for content in (zip_of(attack), legacy_of(attack), legacy_of(system, attack)):
        path.write_bytes(content)
        with pytest.raises(UnsafePickleError, match=r"pytorch_model\.bin"):
            read(path)
        assert not trace.exists()
    # The attack is one: what reads pickles as they are meant executes it.
    pickle.loads(attack)  # noqa: S301
    assert trace.exists()


@pytest.mark.parametrize(
    "attack",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"(cos\nsystem\nS'true'\no.",
        b"\x80\x02cbuiltins\neval\n(X\x01\x00\x00\x001tR.",
        b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93.",
        b"\x80\x02ctorch\nload\n.",
        b"\x80\x02ctorch.storage\n_load_from_bytes\n.",
        b"\x80\x02ccollections\nOrderedDict.__init__\n.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2.__globals__\n.",
        b"\x80\x02\x82\x01.",  # an extension code
        b"\x80\x02ccollections\nOrderedDict\n)\x81.",  # NEWOBJ
    ],
)
def test_names_and_instructions_that_tensors_do_not_need_are_refused(attack):
    with pytest.raises(UnsafePickleError, match="in the test"):
        torch_pickle.read(io.BytesIO(attack), where="in the test")


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value: int) -> bytes:
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x08" + struct.pack("<q", value)


def numbers(values) -> bytes:
    return b"(" + b"".join(number(value) for value in values) + b"t"


def pickled_tensor(*, count=4, offset=0, shape=(2, 2), strides=(2, 1), storage="FloatStorage"):
    """{"w": tensor}, instruction by instruction as torch.save writes it."""
    reference = b"(" + text("storage") + f"ctorch\n{storage}\n".encode()
    reference += text("0") + text("cpu") + number(count) + b"tQ"
    arguments = b"(" + reference + number(offset) + numbers(shape) + numbers(strides)
    arguments += b"\x89ccollections\nOrderedDict\n)Rt"
    return b"\x80\x02}" + text("w") + b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"Rs."


def test_a_tensor_written_by_hand_is_read(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(zip_of(pickled_tensor(), [("0", struct.pack("<4f", 1, 2, 3, 4))]))
    np.testing.assert_array_equal(read(path)["w"], [[1, 2], [3, 4]])
    # No step is ever taken along an axis of one.
    one = pickled_tensor(shape=(1, 2), strides=(1 << 60, 1))
    path.write_bytes(zip_of(one, [("0", struct.pack("<4f", 1, 2, 3, 4))]))
    np.testing.assert_array_equal(read(path)["w"], [[1, 2]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offset": 1}, "beyond its storage"),
        ({"offset": -1}, "size"),
        ({"shape": (-2, 2)}, "size"),
        ({"strides": (-2, 1)}, "size"),
        ({"strides": (2,)}, "strides"),
        # Of nothing, in sizes that NumPy cannot take, or not multiply.
        ({"shape": (1 << 62, 0), "strides": (0, 1)}, "size"),
        ({"shape": (1 << 58, 0, 9), "strides": (1, 1, 1)}, "larger than any"),
        ({"shape": (1,) * 9, "strides": (1,) * 9}, "larger than any"),
        # A few bytes that would become 8 GB.
        ({"shape": (1 << 30, 2), "strides": (0, 0)}, "beyond its storage"),
        ({"count": 1 << 30}, "has 16 bytes instead of"),
        ({"storage": "LongStorage"}, "whole numbers"),
        ({"storage": "DoubleStorage"}, "has 16 bytes instead of 32"),
    ],
)
def test_impossible_tensors_are_refused(tmp_path, changes, message):
    path = tmp_path / "pytorch_model.bin"
    storages = [("0", struct.pack("<4f", 1, 2, 3, 4))]
    path.write_bytes(zip_of(pickled_tensor(**changes), storages))
    with pytest.raises(WeightsError, match=message):
        read(path)


def test_what_is_no_state_dict_is_named(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(zip_of(pickle.dumps({"epoch": 3}, 2)))
    with pytest.raises(WeightsError, match="holds a int under 'epoch'"):
        read(path)
    path.write_bytes(zip_of(pickle.dumps([1], 2)))
    with pytest.raises(WeightsError, match="holds a list"):
        read(path)
    path.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(WeightsError, match="damaged zip"):
        read(path)
    path.write_bytes(b"hello")
    with pytest.raises(WeightsError, match="not written by torch"):
        read(path)


def test_a_compressed_archive_is_refused(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickled_tensor())
    with pytest.raises(WeightsError, match="compressed"):
        read(path)


def test_nothing_is_reserved_for_a_size_that_the_file_cannot_have(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    content = bytearray(zip_of(pickled_tensor()))
    # Both sizes of the first entry of the directory, one after the other.
    place = content.index(b"PK\x01\x02") + 20
    for offsets in ([0], [0, 4]):
        changed = bytearray(content)
        for offset in offsets:
            changed[place + offset : place + offset + 4] = (1 << 30).to_bytes(4, "little")
        path.write_bytes(changed)
        with pytest.raises(WeightsError, match="its size is wrong"):
            read(path)


def test_an_error_does_not_quote_the_whole_file():
    pickled = b"\x80\x02c" + b"[" * 50_000 + b"\x86\nx\n."
    with pytest.raises(WeightsError, match="UnicodeDecodeError") as error:
        torch_pickle.read(io.BytesIO(pickled), where="in the test")
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02" + b"]" * 1000 + b"." * 3,  # things left over
        b"\x80\x02" + b"(" * 30_000 + b"t" * 30_000 + b"Q.",  # a nest without a repr
        b"\x80\x02}r\xff\xff\xff\x7f.",  # a memo of 2 billion places: legal, and costs nothing
        b"\x80\x02h\x07.",
        b"\x80\x02R.",
        b"\x80\x02}]K\x01s.",  # a list as a key
        b"\x80\x02ccollections\nOrderedDict\n(K\x01tR.",
    ],
)
def test_strange_pickles_end_in_a_named_error_or_a_plain_value(pickled):
    assert list(pickletools.genops(pickled))
    try:
        value = torch_pickle.read(io.BytesIO(pickled), where="in the test")
    except WeightsError:
        return
    assert value == {}
