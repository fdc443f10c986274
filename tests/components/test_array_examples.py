"""Against protocol buffers' own serialization, which sorts a map's entries by key."""

import numpy as np
import pytest

from components import array_examples, tf_examples

INT64 = np.iinfo(np.int64)


@pytest.mark.parametrize(
    "values",
    [
        [0],
        [127, 128, 16383, 16384, 2**21 - 1, 2**21, 2**28 - 1, 2**28, 2**35, 2**63 - 1],
        [-1, 5, INT64.min, INT64.max],
        list(range(300)) * 2,
        [0] * 512,
    ],
)
def test_integers_are_serialized_as_protocol_buffers_do_it(values):
    expected = tf_examples.encode({"x": values})
    assert array_examples.encode([array_examples.int64_entry("x", values)]) == expected
    packed = array_examples.varints(np.array(values, np.int64))
    assert array_examples.encode([array_examples.packed_int64_entry("x", packed)]) == expected


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint16, np.int64, np.uint64])
def test_every_integer_type_is_read_back(dtype):
    limits = np.iinfo(dtype)
    top = min(limits.max, INT64.max)
    values = np.array([[0, 1, top], [limits.min, top // 2, top // 3]], dtype)
    record = array_examples.encode([array_examples.int64_entry("x", values)])
    assert tf_examples.decode(record)["x"] == values.reshape(-1).tolist()


def test_random_records_equal_protocol_buffers_byte_for_byte():
    rng = np.random.default_rng(3)
    for _ in range(200):
        size = int(rng.integers(1, 700))
        ids = rng.integers(0, 1 << int(rng.integers(1, 62)), size)
        floats = rng.normal(size=size).astype(np.float32)
        texts = [rng.bytes(int(rng.integers(0, 300))) for _ in range(int(rng.integers(1, 4)))]
        flags = rng.random(size) < 0.5
        assert array_examples.encode(
            [
                array_examples.bytes_entry("a texts", texts),
                array_examples.float_entry("floats", floats),
                array_examples.int64_entry("ids" * 50, ids),
                array_examples.int64_entry("zflags", flags),
                array_examples.scalar_entry("zz", int(ids[0])),
            ]
        ) == tf_examples.encode(
            {
                "a texts": texts,
                "floats": floats.tolist(),
                "ids" * 50: ids.tolist(),
                "zflags": flags.astype(int).tolist(),
                "zz": [int(ids[0])],
            }
        )


def test_special_floats_keep_their_bits():
    values = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 3.4e38], np.float32)
    record = array_examples.encode([array_examples.float_entry("x", values)])
    found = np.array(tf_examples.decode(record)["x"], np.float32)
    assert found.tobytes() == values.tobytes()


def test_empty_features_are_read_as_empty():
    record = array_examples.encode(
        [
            array_examples.int64_entry("i", np.zeros(0, np.int64)),
            array_examples.int64_entry("l", []),
            array_examples.float_entry("f", []),
            array_examples.bytes_entry("b", []),
        ]
    )
    assert tf_examples.decode(record) == {"b": [], "f": [], "i": [], "l": []}


def test_tensorflow_parses_the_records():
    import tensorflow as tf

    ids = np.arange(600).reshape(2, 300)
    record = array_examples.encode(
        [
            array_examples.int64_entry("ids", ids),
            array_examples.float_entry("mask", np.ones(3, np.float32)),
            array_examples.bytes_entry("name", ["é".encode()]),
        ]
    )
    parsed = tf.io.parse_example(
        [record],
        {
            "ids": tf.io.FixedLenFeature([2, 300], tf.int64),
            "mask": tf.io.FixedLenFeature([3], tf.float32),
            "name": tf.io.FixedLenFeature([], tf.string),
        },
    )
    np.testing.assert_array_equal(parsed["ids"][0], ids)
    np.testing.assert_array_equal(parsed["mask"][0], [1, 1, 1])
    assert parsed["name"].numpy() == ["é".encode()]


def test_floats_are_refused_as_integers():
    with pytest.raises(TypeError, match=r"'x' holds float64; int64_entry takes integers"):
        array_examples.int64_entry("x", [1.5])


@pytest.mark.parametrize(
    ("value", "expected"), [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")]
)
def test_varint(value, expected):
    # 300 is the example of the protocol buffers' encoding guide.
    assert array_examples.varint(value) == expected
