"""Examples made without TensorFlow against TensorFlow's own."""

import subprocess
import sys

import numpy as np
import pytest
from google.protobuf import message

from components import tf_examples


def _features():
    draw = np.random.default_rng(0)
    return {
        "ids": draw.integers(-(2**63), 2**63 - 1, 300).tolist(),
        "mask": draw.normal(size=300).astype(np.float32).tolist(),
        "text": ["naïve ▁ text".encode(), b"", b"\xff\x00"],
        "label": [3],
    }


def test_equals_tensorflow_byte_for_byte():
    import tensorflow as tf

    features = _features()
    example = tf.train.Example()
    for name, values in reversed(features.items()):
        feature = example.features.feature[name]
        kind = {bytes: "bytes_list", float: "float_list", int: "int64_list"}[type(values[0])]
        getattr(feature, kind).value.extend(values)
    assert tf_examples.encode(features) == example.SerializeToString(deterministic=True)


def test_is_read_by_parse_example():
    import tensorflow as tf

    parsed = tf.io.parse_single_example(
        tf_examples.encode({"a": [1, -2], "b": [0.5], "empty": []}),
        {
            "a": tf.io.FixedLenFeature([2], tf.int64),
            "b": tf.io.FixedLenFeature([], tf.float32),
            "empty": tf.io.FixedLenFeature([], tf.string, default_value="none"),
        },
    )
    assert parsed["a"].numpy().tolist() == [1, -2]
    assert parsed["b"].numpy() == 0.5
    assert parsed["empty"].numpy() == b"none"


def test_decode_gives_back_what_was_encoded():
    features = _features()
    assert tf_examples.decode(tf_examples.encode(features)) == features
    assert tf_examples.decode(tf_examples.encode({"nothing": []})) == {"nothing": []}


@pytest.mark.filterwarnings("ignore:Unexpected end-group tag")
def test_bytes_that_protobuf_would_leave_out_are_an_error():
    whole = tf_examples.encode({"text": [b"a"]})
    end_of_a_group = bytes([1 << 3 | 4])
    with pytest.raises(message.DecodeError):
        tf_examples.decode(whole + end_of_a_group + whole)


def test_order_of_features_does_not_matter():
    features = _features()
    backwards = dict(reversed(features.items()))
    assert tf_examples.encode(features) == tf_examples.encode(backwards)


@pytest.mark.parametrize("values", [["text"], [b"bytes", "text"], [1, 0.5], [None]])
def test_other_types_are_refused_by_name(values):
    with pytest.raises(TypeError, match="'broken'"):
        tf_examples.encode({"fine": [1], "broken": values})


def test_needs_no_tensorflow():
    code = (
        "import sys; from components import tf_examples, tfrecords; "
        "from components.example_gen.classification import conversion, outcome; "
        "sys.exit('tensorflow' in sys.modules or 'tfx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code]).returncode == 0
