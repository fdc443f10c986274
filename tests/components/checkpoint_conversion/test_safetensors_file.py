import json
import struct

import numpy as np
import pytest
import safetensors.numpy

from components.checkpoint_conversion import safetensors_file
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.tensors import Tensors


def arrays():
    rng = np.random.default_rng(0)
    return {
        "a.weight": rng.normal(size=(3, 5)).astype(np.float32),
        "half": np.array([0.5, -2.0], np.float16),
        "scalar": np.array(1.25, np.float64),
        "empty": np.zeros((0, 3), np.float32),
    }


def read(path):
    with safetensors_file.open_to_read(str(path)) as tensors:
        return dict(tensors)


def test_reads_what_the_safetensors_package_writes(tmp_path):
    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file(arrays(), path, metadata={"format": "pt"})
    found = read(path)
    assert set(found) == set(arrays())
    for name, array in arrays().items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], array)


def test_the_safetensors_package_reads_what_is_written(tmp_path):
    path = tmp_path / "folder" / "model.safetensors"
    rng = np.random.default_rng(1)
    written = {"b": rng.normal(size=(2, 3)).astype(np.float32), "a": np.ones(7, np.float32).T}
    shapes = {name: array.shape for name, array in written.items()}
    safetensors_file.write(str(path), Tensors(shapes, written.__getitem__, where="here"))
    found = safetensors.numpy.load_file(path)
    assert set(found) == {"a", "b"}
    for name, array in written.items():
        np.testing.assert_array_equal(found[name], array)
    with safetensors.safe_open(path, framework="np") as file:
        # `transformers` refuses a file without it.
        assert file.metadata() == {"format": "pt"}


def write_by_hand(path, header, data):
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)


def test_bfloat16_is_read_exactly(tmp_path):
    path = tmp_path / "model.safetensors"
    # 1.5 is 0x3FC0 in bfloat16 (sign 0, exponent 127, mantissa 100 0000), -3.0 is 0xC040.
    header = {"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
    write_by_hand(path, header, struct.pack("<HH", 0x3FC0, 0xC040))
    np.testing.assert_array_equal(read(path)["x"], [1.5, -3.0])


def test_cut_off_anywhere_it_is_one_named_error(tmp_path):
    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file(arrays(), path)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(WeightsError, match=r"model\.safetensors"):
            read(path)


ENTRY = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"{]", "damaged safetensors header"),
        (b"[]", "no JSON object"),
        (b'{"a":1,"a":2}', "twice"),
        ({"a": 1}, "damaged entry"),
        ({"a": ENTRY | {"shape": [-1]}}, "damaged entry"),
        ({"a": ENTRY | {"shape": [True]}}, "damaged entry"),
        ({"a": ENTRY | {"data_offsets": [0]}}, "damaged entry"),
        ({"a": ENTRY | {"shape": [0, 1 << 64], "data_offsets": [0, 0]}}, "damaged entry"),
        ({"a": ENTRY, "b": ENTRY | {"shape": [0, 1 << 59, 9], "data_offsets": [4, 4]}}, "shape"),
        ({"a": ENTRY | {"shape": [1] * 9}}, "damaged entry"),
        (b'{"\\ud800": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}', "no text"),
        ({"a": ENTRY | {"data_offsets": [0, 1 << 40]}}, "cut off"),
        ({"a": ENTRY | {"data_offsets": [1, 4]}}, "gaps"),
        ({"a": ENTRY, "b": ENTRY}, "overlap"),
        ({"a": ENTRY | {"shape": [0], "data_offsets": [0, 0]}}, "of no tensor"),
        ({"a": ENTRY | {"shape": [1 << 60]}}, "is not what float32"),
        ({"a": ENTRY | {"dtype": "I32"}}, "is of type I32"),
        ({"a": ENTRY | {"dtype": "F64"}}, "is not what float64"),
    ],
)
def test_damaged_headers_are_named(tmp_path, header, message):
    path = tmp_path / "model.safetensors"
    write_by_hand(path, header, struct.pack("<f", 1.0))
    with pytest.raises(WeightsError, match=message):
        read(path)


def test_numbers_that_are_not_finite_are_named(tmp_path):
    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file({"w": np.array([1, np.nan], np.float32)}, path)
    with pytest.raises(WeightsError, match=r"w holds values that are not finite"):
        read(path)
    # Too large for float32.
    safetensors.numpy.save_file({"w": np.array([1e300])}, path)
    with pytest.raises(WeightsError, match=r"w holds values that are not finite"):
        read(path)
