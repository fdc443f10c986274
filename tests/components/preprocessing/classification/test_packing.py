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


def _choices_one_by_one(a, b, seq_len, max_qa_length):
    """The published steps for one option, in lists, on a passage of its own."""
    b = list(b)[-max_qa_length:]
    a = list(a)[: seq_len - 3 - len(b)]
    ids = [*a, 4, *b, 4, 3]
    segments = [0] * (len(a) + 1) + [1] * (len(b) + 1) + [2]
    padding = seq_len - len(ids)
    return (
        [0] * padding + ids,
        [1.0] * padding + [0.0] * len(ids),
        [4] * padding + segments,
    )


@pytest.mark.parametrize(("seq_len", "max_qa_length"), [(5, 1), (9, 3), (9, 5), (12, 4)])
def test_choices_of_every_pair_of_lengths(seq_len, max_qa_length):
    lengths_a, lengths_b = range(seq_len + 3), range(1, max_qa_length + 4)
    texts_a = [[100 + i for i in range(length)] for length in lengths_a]
    texts_b = [[200 + i for i in range(length)] for length in lengths_b]
    found = packing.pack_choices(
        tf.ragged.constant(texts_a, dtype=tf.int32),
        tf.ragged.constant(texts_b * len(texts_a), dtype=tf.int32),
        seq_len,
        num_choices=len(texts_b),
        max_qa_length=max_qa_length,
    )
    for row, text_a in enumerate(texts_a):
        for choice, text_b in enumerate(texts_b):
            expected = _choices_one_by_one(text_a, text_b, seq_len, max_qa_length)
            for name, values in zip(
                ("input_ids", "input_mask", "segment_ids"), expected, strict=True
            ):
                assert found[name][row, choice].numpy().tolist() == values, (name, row, choice)


def test_choices_by_hand():
    found = packing.pack_choices(
        tf.ragged.constant([[11, 12, 13, 14, 15]], dtype=tf.int32),
        tf.ragged.constant([[21], [31, 32, 33, 34]], dtype=tf.int32),
        9,
        num_choices=2,
        max_qa_length=3,
    )
    # The second option loses its first piece; then the passage has room for three.
    assert found["input_ids"].numpy().tolist() == [
        [[11, 12, 13, 14, 15, 4, 21, 4, 3], [11, 12, 13, 4, 32, 33, 34, 4, 3]]
    ]
    assert found["segment_ids"].numpy().tolist() == [
        [[0, 0, 0, 0, 0, 0, 1, 1, 2], [0, 0, 0, 0, 1, 1, 1, 1, 2]]
    ]
    assert not found["input_mask"].numpy().any()
    assert found["input_ids"].shape == [1, 2, 9]


@pytest.mark.parametrize("max_qa_length", [0, 6])
def test_a_question_must_leave_room_for_the_passage(max_qa_length):
    with pytest.raises(ValueError, match=f"between 1 and 5 .* but is {max_qa_length}"):
        packing.check_qa_length(max_qa_length, 9)
