import itertools

import pytest
import tensorflow as tf

from components.preprocessing.classification import packing


def _one_by_one(a, b, seq_len):
    """The published loop, in lists."""
    a, b = list(a), list(b)
    if b:
        while len(a) + len(b) > seq_len - 3:
            if len(a) > len(b):
                a.pop()
            else:
                b.pop()
    else:
        a = a[: seq_len - 2]
    ids, segments = [*a, 4], [0] * (len(a) + 1)
    if b:
        ids, segments = ids + b + [4], segments + [1] * (len(b) + 1)
    ids, segments = [*ids, 3], [*segments, 2]
    padding = seq_len - len(ids)
    return (
        [0] * padding + ids,
        [1.0] * padding + [0.0] * len(ids),
        [4] * padding + segments,
    )


@pytest.mark.parametrize("seq_len", [3, 4, 5, 6, 7, 12, 15])
def test_every_pair_of_lengths(seq_len):
    lengths = list(itertools.product(range(seq_len + 4), repeat=2))
    texts_a = [[100 + i for i in range(length)] for length, _ in lengths]
    texts_b = [[200 + i for i in range(length)] for _, length in lengths]
    found = packing.pack(
        tf.ragged.constant(texts_a, dtype=tf.int32),
        tf.ragged.constant(texts_b, dtype=tf.int32),
        seq_len,
    )
    expected = [_one_by_one(a, b, seq_len) for a, b in zip(texts_a, texts_b, strict=True)]
    for name, column in zip(
        ("input_ids", "input_mask", "segment_ids"), zip(*expected, strict=True), strict=True
    ):
        assert found[name].numpy().tolist() == list(column), name


def test_record_by_hand():
    found = packing.pack(
        tf.ragged.constant([[11, 12, 13, 14], [15]], dtype=tf.int32),
        tf.ragged.constant([[21, 22, 23], []], dtype=tf.int32),
        8,
    )
    # Room for 5 pieces: A loses one to be as long as B, then B, the tie, loses one.
    assert found["input_ids"].numpy().tolist() == [
        [11, 12, 13, 4, 21, 22, 4, 3],
        [0, 0, 0, 0, 0, 15, 4, 3],
    ]
    assert found["segment_ids"].numpy().tolist() == [
        [0, 0, 0, 0, 1, 1, 1, 2],
        [4, 4, 4, 4, 4, 0, 0, 2],
    ]
    assert found["input_mask"].numpy().tolist() == [[0] * 8, [1] * 5 + [0] * 3]
    assert {name: value.dtype for name, value in found.items()} == {
        "input_ids": tf.int64,
        "input_mask": tf.float32,
        "segment_ids": tf.int64,
    }


def test_no_text_at_all():
    empty = tf.RaggedTensor.from_row_splits(tf.zeros([0], tf.int32), [0, 0])
    assert packing.pack(empty, empty, 4)["input_ids"].numpy().tolist() == [[0, 0, 4, 3]]
    none = tf.RaggedTensor.from_row_splits(tf.zeros([0], tf.int32), [0])
    assert packing.pack(none, none, 4)["input_ids"].shape == [0, 4]


def test_seq_len_needs_room():
    empty = tf.RaggedTensor.from_row_splits(tf.zeros([0], tf.int32), [0, 0])
    with pytest.raises(ValueError, match="seq_len must be at least 3, but is 2"):
        packing.pack(empty, empty, 2)
