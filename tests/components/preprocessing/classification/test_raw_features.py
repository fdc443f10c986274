import pytest
import tensorflow as tf

from components.preprocessing.classification import raw_features


@pytest.mark.parametrize(
    "feature",
    [
        tf.sparse.from_dense([["a", "more"], ["", ""], ["c", ""]]),
        tf.ragged.constant([["a", "more"], [], ["c"]]),
        tf.constant([["a"], [""], ["c"]]),
        tf.constant(["a", "", "c"]),
    ],
    ids=["sparse", "ragged", "dense", "vector"],
)
def test_as_dense_takes_first_values(feature):
    assert raw_features.as_dense(feature, "text_a").numpy().tolist() == [b"a", b"", b"c"]


def test_as_dense_without_any_value():
    empty = tf.SparseTensor(tf.zeros([0, 2], tf.int64), tf.zeros([0], tf.string), [2, 0])
    assert raw_features.as_dense(empty, "label").numpy().tolist() == [b"", b""]


def test_as_dense_names_a_feature_of_another_type():
    with pytest.raises(TypeError, match="'label' should hold bytes, but the schema has int64"):
        raw_features.as_dense(tf.constant([1], tf.int64), "label")


@pytest.mark.parametrize(
    "spec",
    [
        tf.io.VarLenFeature(tf.string),
        tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
        tf.io.FixedLenFeature([1], tf.string, ""),
        tf.io.FixedLenFeature([], tf.string, ""),
    ],
    ids=["sparse", "ragged", "[1]", "[]"],
)
def test_as_sparse_is_what_parsing_gives(spec):
    texts = [b"one", b"", b"three"]
    examples = [
        tf.train.Example(
            features=tf.train.Features(
                feature={
                    "text_a": tf.train.Feature(
                        bytes_list=tf.train.BytesList(value=[text] if text else [])
                    )
                }
                if text
                else {}
            )
        ).SerializeToString()
        for text in texts
    ]
    parsed = tf.io.parse_example(examples, {"text_a": spec})["text_a"]
    raw = {"text_a": tf.constant(texts), "text_b": tf.constant(texts)}
    found = raw_features.as_sparse(raw, {"text_a": spec})
    assert list(found) == ["text_a"]
    found = found["text_a"]
    assert type(found) is type(parsed)
    assert found.dtype == tf.string
    if isinstance(parsed, tf.SparseTensor):
        found, parsed = tf.sparse.to_dense(found), tf.sparse.to_dense(parsed)
    if isinstance(parsed, tf.RaggedTensor):
        assert found.to_list() == parsed.to_list()
    else:
        assert found.numpy().tolist() == parsed.numpy().tolist()
