import itertools

import pytest
import tensorflow as tf

from components import records
from components.trainer.record_input import (
    EmptySplitError,
    RecordFiles,
    evaluation_batches,
    training_batches,
)

from .conftest import NUM_RECORDS, SEQ_LEN


def identities(batch) -> list[int]:
    return [int(ids[-1]) - 100 for ids in batch["input_ids"].numpy()]


def batches(sample_records, count, *, start_step=0, seed=1, batch_size=8):
    dataset = training_batches(
        sample_records.make("train"),
        num_records=NUM_RECORDS,
        batch_size=batch_size,
        start_step=start_step,
        seed=seed,
        shuffle_buffer=1000,
    )
    return [identities(batch) for batch in itertools.islice(dataset, count)]


def test_every_epoch_sees_every_record_once_and_in_another_order(sample_records):
    # 25 batches of 8 are 4 epochs of 50.
    drawn = list(itertools.chain(*batches(sample_records, 25)))
    epochs = [drawn[start : start + NUM_RECORDS] for start in range(0, 200, NUM_RECORDS)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(NUM_RECORDS))
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_order_depends_on_the_seed_alone(sample_records):
    assert batches(sample_records, 9) == batches(sample_records, 9)
    assert batches(sample_records, 9) != batches(sample_records, 9, seed=2)


@pytest.mark.parametrize("start_step", [1, 6, 7, 19])
def test_resuming_goes_on_with_the_batches_that_would_have_come(sample_records, start_step):
    assert (
        batches(sample_records, 5, start_step=start_step)
        == batches(sample_records, 30)[start_step : start_step + 5]
    )


def test_shapes_are_static_and_integers_have_32_bits(sample_records):
    dataset = training_batches(
        sample_records.make("train"),
        num_records=NUM_RECORDS,
        batch_size=4,
        start_step=0,
        seed=0,
        shuffle_buffer=10,
    )
    assert dataset.element_spec["input_ids"] == tf.TensorSpec([4, SEQ_LEN], tf.int32)
    assert dataset.element_spec["input_mask"] == tf.TensorSpec([4, SEQ_LEN], tf.float32)
    assert dataset.element_spec["label_ids"] == tf.TensorSpec([4], tf.int32)


def test_evaluation_sees_every_record_once_in_order_and_marks_the_filling(sample_records):
    dataset = evaluation_batches(sample_records.make("eval"), batch_size=16)
    seen = list(dataset)
    assert [batch["input_ids"].shape for batch in seen] == [(16, SEQ_LEN)] * 4
    real = [
        identity
        for batch in seen
        for identity, is_real in zip(
            identities(batch), batch["is_real_example"].numpy(), strict=True
        )
        if is_real
    ]
    assert real == list(range(NUM_RECORDS))


def test_count(sample_records):
    assert sample_records.make("train").count() == NUM_RECORDS


def test_empty_splits_are_named(tmp_path):
    empty = RecordFiles([f"{tmp_path}/Split-train/*"], records.CLASSIFICATION, SEQ_LEN)
    with pytest.raises(EmptySplitError, match="Split-train"):
        empty.count()
