import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components.export.sliced_model import SlicedModel
from components.export.text_model import TextModel
from components.modeling.classification import ClassificationModel

SEQ_LEN = 64


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
    served = model.for_serving(seq_len=SEQ_LEN)
    sliced = SlicedModel(lambda f: served(f, training=False), _signature(features), padding="left")
    found = tf.function(sliced.__call__, autograph=False)(features)
    assert found.shape == [num_rows, 3]
    if num_rows:
        np.testing.assert_allclose(found, model(features, training=False), atol=2e-6)


class _NoTransform:
    """In place of a Transform graph, for a signature that does without."""

    def transform_features_layer(self):
        return lambda features: features

    def raw_feature_spec(self):
        return {}


@pytest.mark.parametrize("summary_type", ["last", "first", "mean"])
def test_an_exported_model_gives_what_the_model_does(tiny_model, tiny_options, summary_type):
    """Padding counts in the first token and in the mean, so it may not be cut away there."""
    config = dataclasses.replace(tiny_model, summary_type=summary_type)
    features = _features([3, 64, 17, 30], padding="left")
    model = ClassificationModel(config, tiny_options, 3)
    module = TextModel(
        model=model,
        transform_output=_NoTransform(),
        labels=["a", "b", "c"],
        seq_len=SEQ_LEN,
    )
    found = module.serve_ids(**features)["scores"]
    expected = tf.nn.softmax(model(features, training=False))
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_a_model_in_bfloat16_is_saved_so_and_gives_the_same_to_the_bit(
    tiny_model, tiny_options, tmp_path
):
    # All in one slice of the full length.
    features = _features([60, 64, 58, 64], padding="left")
    options = dataclasses.replace(tiny_options, compute_dtype="bfloat16")
    model = ClassificationModel(tiny_model, options, 3)
    module = TextModel(
        model=model, transform_output=_NoTransform(), labels=["a", "b", "c"], seq_len=SEQ_LEN
    )
    served = module.serve_ids.get_concrete_function(**_signature(features))
    tf.saved_model.save(module, str(tmp_path), signatures=served)
    loaded = tf.saved_model.load(str(tmp_path))
    # The trained model, whose weights are float32.
    expected = tf.function(lambda **f: tf.nn.softmax(model(f, training=False)), autograph=False)(
        **features
    )
    found = loaded.signatures["serving_default"](**features)["scores"]
    np.testing.assert_array_equal(found, expected)
    stored = tf.train.load_checkpoint(str(tmp_path / "variables" / "variables"))
    dtypes = [
        dtype
        for name, dtype in stored.get_variable_to_dtype_map().items()
        if name.startswith("model_variables/")
    ]
    # In float32 are scale and offset of the two layer normalizations of each layer.
    assert dtypes.count(tf.float32) == 4 * tiny_model.n_layer
    assert dtypes.count(tf.bfloat16) == len(model.variables) - 4 * tiny_model.n_layer


def _count(features):
    """In place of a model: tells the tokens of a row and the form of the slice it came in."""
    rows, length = tf.unstack(tf.shape(features["input_ids"]))
    total = tf.reduce_sum(features["input_ids"], 1)
    return {"total": total, "rows": tf.fill([rows], rows), "length": tf.fill([rows], length)}


def _slices(lengths, *, padding="left", **options):
    features = _features(lengths, padding=padding)
    found = SlicedModel(_count, _signature(features), padding=padding, **options)(features)
    assert found["total"].numpy().tolist() == features["input_ids"].sum(1).tolist()
    return list(zip(found["rows"].numpy().tolist(), found["length"].numpy().tolist(), strict=True))


@pytest.mark.parametrize("padding", ["left", "right"])
def test_rows_are_cut_at_the_padded_side_and_keep_their_order(padding):
    """Lengths are multiples of 8; a row joins the shorter ones if that pads them by 64 at most."""
    # With the row of 16, the 41 short ones would get 41 * 8 tokens of padding. That of 17 costs the
    # row of 16 only 8; that of 60 would cost both 48 + 40.
    found = _slices([60, 3, 16, 17] + [2] * 40, padding=padding)
    assert found == [(1, 64), (41, 8), (2, 24), (2, 24)] + [(41, 8)] * 40


def test_slices_keep_the_positions_that_a_beam_search_needs():
    # The row of 17 may join that of 60, which costs it 40 tokens.
    found = _slices([60, 3, 16, 17] + [2] * 40, shortest=20)
    assert found == [(2, 64), (42, 20), (42, 20), (2, 64)] + [(42, 20)] * 40


def test_slices_hold_2048_tokens_at_most_and_whole_rows_where_nothing_may_be_cut():
    assert _slices([SEQ_LEN] * 70) == [(32, 64)] * 64 + [(6, 64)] * 6
    assert _slices([2] * 600) == [(256, 8)] * 512 + [(88, 8)] * 88
    assert _slices([2] * 70, cut=False) == [(32, 64)] * 64 + [(6, 64)] * 6
