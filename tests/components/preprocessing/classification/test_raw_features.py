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


def _feature_of_lists(lists, kind):
    feature = tf.ragged.constant(lists)
    if kind == "ragged":
        return feature
    return feature.to_sparse() if kind == "sparse" else feature.to_tensor()


@pytest.mark.parametrize("kind", ["sparse", "ragged", "dense"])
def test_as_lists_takes_all_values(kind):
    lists = [["a", "b", "c"], ["d", "e", "f"]]
    found = raw_features.as_lists(_feature_of_lists(lists, kind), "options", 3)
    assert found.numpy().tolist() == [[b"a", b"b", b"c"], [b"d", b"e", b"f"]]


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
@pytest.mark.parametrize(
    "lists", [[["a", "b"], ["c", "d", "e", "f"]], [["a", "b", "c"], []]], ids=["2 and 4", "none"]
)
@pytest.mark.parametrize("in_graph", [False, True])
def test_as_lists_refuses_other_numbers(kind, lists, in_graph):
    # As many values in all as there should be must not be shared out otherwise.
    def take(feature):
        return raw_features.as_lists(feature, "options", 3)

    take = tf.function(take) if in_graph else take
    with pytest.raises(tf.errors.InvalidArgumentError, match="needs 3 values of options"):
        take(_feature_of_lists(lists, kind))


def test_as_sparse_gives_lists_without_gaps():
    spec = {"options": tf.io.VarLenFeature(tf.string)}
    raw = {"options": tf.constant([["a", "", "c"], ["d", "e", "f"]])}
    found = raw_features.as_sparse(raw, spec)["options"]
    assert tf.RaggedTensor.from_sparse(found).to_list() == [[b"a", b"c"], [b"d", b"e", b"f"]]
