import numpy as np
import pytest
import tensorflow as tf

from components.modeling.classification import ClassificationModel
from components.trainer.bucketed_model import BucketedModel, bucket_lengths

SEQ_LEN = 64


def test_lengths_are_halves_and_the_last_is_the_whole():
    assert bucket_lengths(512) == [64, 128, 256, 512]
    assert bucket_lengths(88) == [16, 24, 48, 88]
    assert bucket_lengths(12) == [12]


def _features(lengths, *, padding):
    rng = np.random.default_rng(0)
    mask = np.arange(SEQ_LEN) >= np.array(lengths)[:, None]
    if padding == "left":
        mask = mask[:, ::-1]
    shape = [len(lengths), SEQ_LEN]
    return {
        "input_ids": np.where(mask, 0, rng.integers(9, 200, shape)).astype(np.int32),
        "segment_ids": np.where(mask, 4, 0).astype(np.int32),
        "input_mask": mask.astype(np.float32),
    }


def _signature(features):
    return {
        name: tf.TensorSpec([None, *value.shape[1:]], value.dtype)
        for name, value in features.items()
    }


@pytest.mark.parametrize("num_rows", [0, 1, 5, 70])
def test_rows_get_what_they_get_at_full_length(tiny_model, tiny_options, num_rows):
    lengths = np.random.default_rng(1).integers(1, SEQ_LEN + 1, num_rows)
    features = _features(lengths, padding="left")
    model = ClassificationModel(tiny_model, tiny_options, 3)
    bucketed = BucketedModel(
        lambda f: model(f, training=False), _signature(features), padding="left"
    )
    found = tf.function(bucketed.__call__, autograph=False)(features)
    assert found.shape == [num_rows, 3]
    if num_rows:
        np.testing.assert_allclose(found, model(features, training=False), atol=2e-6)


@pytest.mark.parametrize("padding", ["left", "right"])
def test_rows_are_cut_at_the_padded_side_and_keep_their_order(padding):
    def count(features):
        tokens = tf.shape(features["input_ids"])[1]
        total = tf.reduce_sum(features["input_ids"], 1)
        return {"total": total, "tokens": tf.fill(tf.shape(total), tokens)}

    lengths = [60, 3, 16, 17] + [2] * 40
    features = _features(lengths, padding=padding)
    bucketed = BucketedModel(count, _signature(features), padding=padding)
    found = bucketed(features)
    assert found["total"].numpy().tolist() == features["input_ids"].sum(1).tolist()
    # The shortest 32 rows go together, and the rest in a slice as long as its longest row.
    assert found["tokens"].numpy().tolist() == [64] * 4 + [16] * 32 + [64] * 8
