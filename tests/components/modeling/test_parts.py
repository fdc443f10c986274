"""The model's parts against brute force and hand calculation."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from components.modeling import losses
from components.modeling.classification import ClassificationModel, SequenceSummary
from components.modeling.config import ModelOptions
from components.modeling.dropout import dropout, fold_in, keep_by_place, keep_mask, site_seeds
from components.modeling.encoder import XLNetEncoder
from components.modeling.fused_ops import activate, add_bias, layer_norm
from components.modeling.masks import attention_biases
from components.modeling.memory import next_memory
from components.modeling.pretraining import PretrainingModel
from components.modeling.program import CPU
from components.modeling.question_answering import QuestionAnsweringModel
from components.modeling.relative_positions import (
    EveryPosition,
    GivenPositions,
    position_encodings,
)


def _uniform(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_alignments_pick_the_distance_of_each_key():
    query_len, key_len = 4, 7
    raw = _uniform(2, 3, query_len, query_len + key_len - 1)
    expected = np.zeros([2, 3, query_len, key_len])
    for i in range(query_len):
        for j in range(key_len):
            # Raw scores start with the largest distance, key_len - 1; key j lies
            # key_len - query_len + i - j away from query i.
            distance = key_len - query_len + i - j
            expected[..., i, j] = raw[..., i, key_len - 1 - distance]
    every = EveryPosition(query_len, key_len)
    np.testing.assert_array_equal(every.to_keys(tf.constant(raw)), expected)
    positions = np.array([[3, 0], [1, 1], [2, 3]])
    rows = np.stack([raw[:, b, positions[b]] for b in range(3)], axis=1)
    given = GivenPositions(tf.constant(positions, tf.int32), query_len, key_len)
    # Row p of the raw scores belongs to a query at positions[b, p].
    expected = np.stack([expected[:, b, positions[b]] for b in range(3)], axis=1)
    np.testing.assert_array_equal(given.to_keys(tf.constant(rows)), expected)


@pytest.mark.parametrize("kind", ["every", "given"])
def test_alignment_back_is_the_transpose(kind):
    query_len, key_len = 5, 8
    if kind == "every":
        alignment, queries = EveryPosition(query_len, key_len), query_len
    else:
        positions = tf.constant([[4, 0, 2], [3, 3, 1]])
        alignment, queries = GivenPositions(positions, query_len, key_len), 3
    raw = tf.constant(_uniform(1, 2, queries, query_len + key_len - 1))
    scores = tf.constant(_uniform(1, 2, queries, key_len, seed=1))
    left = tf.reduce_sum(alignment.to_keys(raw) * scores)
    right = tf.reduce_sum(raw * alignment.from_keys(scores))
    np.testing.assert_allclose(left, right, rtol=1e-12)


def test_position_encodings_by_hand():
    encodings = position_encodings(query_len=2, key_len=3, d_model=4, bi_data=True, clamp_len=1)
    # Distances 2, 1, 0, -1 clamped to 1, 1, 0, -1; frequencies 1 and 1 / 100.
    forward = [[np.sin(d), np.sin(d / 100), np.cos(d), np.cos(d / 100)] for d in (1, 1, 0, -1)]
    backward = [[np.sin(d), np.sin(d / 100), np.cos(d), np.cos(d / 100)] for d in (-1, -1, 0, 1)]
    np.testing.assert_allclose(encodings, [forward, backward], atol=1e-15)


def _allowed(bias: tf.Tensor) -> list[str]:
    return ["".join("x" if value < 0 else "." for value in row) for row in bias.numpy()[0]]


def test_masks_by_hand():
    common = {"batch_size": 1, "query_len": 3, "mem_len": 2, "dtype": tf.float32}
    perm_mask = tf.constant([[[1.0, 1, 0], [0, 1, 1], [0, 0, 0]]])
    input_mask = tf.constant([[0.0, 0, 1]])
    content, query = attention_biases(
        input_mask=input_mask, perm_mask=perm_mask, attn_type="bi", same_length=False, **common
    )
    assert _allowed(content) == ["...xx", "...." + "x", "....."]
    assert _allowed(query) == ["..xxx", "...xx", "....x"]
    content, query = attention_biases(
        input_mask=None, perm_mask=None, attn_type="uni", same_length=False, **common
    )
    assert _allowed(content) == _allowed(query) == ["...xx", "....x", "....."]
    content, _ = attention_biases(
        input_mask=None, perm_mask=None, attn_type="uni", same_length=True, **common
    )
    assert _allowed(content) == ["...xx", "x...x", "xx..."]
    assert attention_biases(
        input_mask=None, perm_mask=None, attn_type="bi", same_length=False, **common
    ) == (None, None)


def test_memory_by_hand():
    hidden = tf.reshape(tf.range(5.0), [1, 5, 1])
    memory = tf.constant([[[10.0], [11.0]]])

    def kept(memory, mem_len, reuse_len):
        result = next_memory(hidden, memory, mem_len=mem_len, reuse_len=reuse_len)
        return result.numpy().ravel().tolist()

    assert kept(None, 3, 0) == [2, 3, 4]
    assert kept(None, 8, 2) == [0, 1]
    assert kept(memory, 3, 2) == [11, 0, 1]
    assert kept(memory, 8, 0) == [10, 11, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize(
    ("keep", "shape"), [(keep_mask, (1 << 18,)), (keep_by_place, (4, 512, 128))]
)
def test_dropout_masks_look_random(keep, shape, rate):
    size = 1 << 18
    masks = [
        keep(shape, rate, seed).numpy().ravel()
        for seed in [*site_seeds(tf.constant([3, 4]), 3), tf.constant([3, 5])]
    ]
    spread = 5 * np.sqrt(rate * (1 - rate) / size)
    for mask in masks:
        assert abs(mask.mean() - (1 - rate)) < spread
        # Neighbours, and elements a power of two apart, are independent.
        for lag in (1, 2, 64, 128, 768, 4096):
            both = (mask[lag:] & mask[:-lag]).mean()
            assert abs(both - (1 - rate) ** 2) < 2 * spread
    for i in range(len(masks)):
        for j in range(i):
            assert abs((masks[i] & masks[j]).mean() - (1 - rate) ** 2) < 2 * spread


def test_dropout_mask_of_an_odd_number_of_elements():
    seed = tf.constant([3, 4])
    odd, even = keep_mask((3, 5), 0.5, seed), keep_mask((16,), 0.5, seed)
    np.testing.assert_array_equal(np.ravel(odd), even[:15])


def test_dropout_by_place_by_hand():
    """Arithmetic of Python's own: two keys for each row, and a hash for each column."""
    seed, shape = (123456789, -5), (2, 3, 70)
    word = [number % 2**32 for number in seed]

    def mix(bits: int, key: int) -> int:
        bits = (bits ^ bits >> 16) * 0x7FEB352D % 2**32 ^ key
        bits = (bits ^ bits >> 15) * 0x846CA68B % 2**32
        return bits ^ bits >> 16

    def kept(row: int, column: int) -> bool:
        first = mix((word[0] + row) % 2**32, word[1])
        second = mix((first + 0x9E3779B9) % 2**32, word[0])
        bits = mix((word[1] + column + first) % 2**32, second)
        # The function leaves out the last step of the hash, which changes the low half alone.
        return bits >> 16 < round(0.75 * 2**16)

    expected = [[kept(row, column) for column in range(70)] for row in range(6)]
    found = keep_by_place(shape, 0.75 / 3, tf.constant(seed))
    np.testing.assert_array_equal(np.reshape(found, [6, 70]), expected)


def test_dropout_keeps_the_mean_and_the_dtype():
    inputs = tf.ones([1 << 16], tf.bfloat16)
    dropped = dropout(inputs, 0.25, tf.constant([1, 2]))
    assert dropped.dtype == tf.bfloat16
    values = np.unique(tf.cast(dropped, tf.float32))
    np.testing.assert_allclose(values, [0, 4 / 3], rtol=0.01)
    assert dropout(inputs, 0.25, None) is inputs


def test_seeds_fold_one_by_one_as_all_at_once():
    seed = tf.constant([-7, 11])
    at_once = site_seeds(seed, 4)
    for i in range(4):
        np.testing.assert_array_equal(at_once[i], fold_in(seed, i))
    assert len({tuple(s.numpy()) for s in at_once}) == 4
    assert site_seeds(None, 2) == [None, None]


def _gradients(function, *arguments):
    arguments = [tf.constant(argument) for argument in arguments]
    weights = None
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        result = function(*arguments)
        weights = tf.constant(_uniform(*result.shape, seed=9))
        total = tf.reduce_sum(result * weights)
    return [result, *tape.gradient(total, arguments)]


@pytest.mark.parametrize(
    ("ours", "plain", "shapes"),
    [
        (add_bias, lambda x, b: x + b, [(2, 3, 4), (4,)]),
        (
            lambda x, g, b: layer_norm(x, g, b, epsilon=1e-3),
            lambda x, g, b: tf.nn.batch_normalization(
                x, *tf.nn.moments(x, [-1], keepdims=True), b, g, 1e-3
            ),
            [(2, 3, 4), (4,), (4,)],
        ),
        (
            lambda x, b: activate(x, b, "gelu", 0.0, None),
            lambda x, b: tf.nn.gelu(x + b, approximate=True),
            [(2, 3, 4), (4,)],
        ),
        (
            lambda x, b: activate(x, b, "gelu_erf", 0.0, None),
            lambda x, b: tf.nn.gelu(x + b, approximate=False),
            [(2, 3, 4), (4,)],
        ),
        (
            lambda x, b: activate(x, b, "relu", 0.0, None),
            lambda x, b: tf.nn.relu(x + b),
            [(2, 3, 4), (4,)],
        ),
        (CPU.sum_of_rows, lambda x: tf.reduce_sum(x, axis=-2), [(2, 3, 4)]),
    ],
    ids=["add_bias", "layer_norm", "gelu", "gelu_erf", "relu", "sum_of_rows"],
)
def test_fused_operations_equal_tensorflows(ours, plain, shapes):
    arguments = [_uniform(*shape, seed=i) for i, shape in enumerate(shapes)]
    for left, right in zip(
        _gradients(ours, *arguments), _gradients(plain, *arguments), strict=True
    ):
        # TensorFlow rounds gelu's constants to float32.
        np.testing.assert_allclose(left, right, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 2e-6), ("bfloat16", 1 / 128)])
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("activation", ["gelu", "gelu_erf"])
def test_activations_by_their_formulas(activation, jit_compile, dtype, bound):
    """Arithmetic of Python's own in double precision; bounds relative to |x|, for large ones."""
    x = np.linspace(-6, 6, 241)
    if dtype == "bfloat16":
        x = np.round(x * 16) / 16  # bfloat16 holds these exactly
    if activation == "gelu":
        expected = [
            v / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))) for v in x
        ]
    else:
        expected = [v / 2 * math.erfc(-v / math.sqrt(2)) for v in x]
    zero = tf.zeros([241], dtype)
    function = tf.function(
        lambda x: activate(x, zero, activation, 0.0, None), jit_compile=jit_compile, autograph=False
    )
    found = tf.cast(function(tf.cast(x, dtype)), tf.float64)
    assert np.abs(found - expected).max() <= bound * 6
    # The forms are not each other's: they differ by 4.7e-4 at most, beyond the bound of float32.
    if dtype == "float32":
        other = {"gelu": "gelu_erf", "gelu_erf": "gelu"}[activation]
        differs = activate(tf.cast(x, dtype), zero, other, 0.0, None) - tf.cast(found, dtype)
        assert 4e-4 < np.abs(differs).max() < 5e-4


@pytest.mark.parametrize(
    ("summary_type", "expected"),
    [("last", [4.0, 5.0]), ("first", [0.0, 1.0]), ("mean", [2.0, 3.0])],
)
def test_summaries_by_hand(tiny_config, summary_type, expected):
    config = dataclasses.replace(tiny_config, summary_type=summary_type, d_model=2)
    summary = SequenceSummary(config, ModelOptions(dropout=0.0))
    summary.summary.kernel.assign(np.eye(2))
    hidden = tf.reshape(tf.range(6.0), [1, 3, 2])
    np.testing.assert_allclose(summary(hidden, None), np.tanh([expected]), rtol=1e-6)


def test_question_answering_loss_by_hand():
    outputs = {
        "start_log_probs": tf.math.log([[0.5, 0.25, 0.25]]),
        "end_log_probs": tf.math.log([[0.1, 0.1, 0.8]]),
        "cls_logits": tf.constant([0.0]),
    }
    features = {
        "start_positions": tf.constant([1]),
        "end_positions": tf.constant([[2]]),
        "is_impossible": tf.constant([1.0]),
    }
    expected = 0.5 * (-np.log(0.25) - np.log(0.8)) + 0.5 * np.log(2.0)
    actual = losses.question_answering_loss(outputs, features)
    np.testing.assert_allclose(actual, [expected], rtol=1e-6)


def test_regression_loss_by_hand():
    actual = losses.regression_loss(tf.constant([1.0, 2.0]), tf.constant([[3.0], [2.5]]))
    np.testing.assert_allclose(actual, [4.0, 0.25])


def _features(batch: int = 2, seq_len: int = 6) -> dict[str, tf.Tensor]:
    zeros = tf.zeros([batch, seq_len], tf.int32)
    return {
        "input_ids": zeros,
        "segment_ids": zeros,
        "input_mask": tf.zeros([batch, seq_len]),
        "p_mask": tf.zeros([batch, seq_len]),
        "cls_index": tf.zeros([batch], tf.int32),
    }


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("segment_ids", tf.zeros([2, 5], tf.int32), "segment_ids must have shape"),
        ("input_mask", tf.zeros([2, 6, 6]), "input_mask must have shape"),
        ("input_ids", tf.zeros([2], tf.int32), "input_ids must have shape"),
    ],
)
def test_disagreeing_shapes_are_named(tiny_config, name, value, message):
    model = ClassificationModel(tiny_config, ModelOptions(), 2)
    with pytest.raises(ValueError, match=message):
        model(_features() | {name: value})


def test_missing_features_are_named(tiny_config):
    model = ClassificationModel(tiny_config, ModelOptions(), 2)
    with pytest.raises(ValueError, match=r"missing: \['segment_ids'\]"):
        model({"input_ids": tf.zeros([2, 6], tf.int32), "input_mask": tf.zeros([2, 6])})


def test_odd_batch_of_bidirectional_data(tiny_config):
    encoder = XLNetEncoder(tiny_config, ModelOptions(bi_data=True))
    with pytest.raises(ValueError, match="even batch"):
        encoder(tf.zeros([3, 6], tf.int32))


def test_wrong_memory_is_named(tiny_config):
    encoder = XLNetEncoder(tiny_config, ModelOptions(mem_len=4))
    with pytest.raises(ValueError, match="mems must have shape"):
        encoder(tf.zeros([2, 6], tf.int32), mems=tf.zeros([3, 2, 4, 16]))


def test_wrong_target_mapping_is_named(tiny_config):
    model = PretrainingModel(tiny_config, ModelOptions())
    features = {
        "input_k": tf.zeros([2, 6], tf.int32),
        "seg_id": tf.zeros([2, 6], tf.int32),
        "perm_mask": tf.zeros([2, 6, 6]),
    }
    with pytest.raises(ValueError, match="input_q"):
        model(features)
    with pytest.raises(ValueError, match="target_mapping must have shape"):
        model(features | {"target_mapping": tf.zeros([2, 3, 5])})


def test_beam_wider_than_the_sequence(tiny_config):
    model = QuestionAnsweringModel(tiny_config, ModelOptions(), start_n_top=7)
    with pytest.raises(ValueError, match="must not exceed seq_len 6"):
        model(_features())


def test_bad_numbers_of_outputs(tiny_config):
    with pytest.raises(ValueError, match="num_classes"):
        ClassificationModel(tiny_config, ModelOptions(), 1)
    with pytest.raises(ValueError, match="n_top"):
        QuestionAnsweringModel(tiny_config, ModelOptions(), end_n_top=0)


@pytest.mark.real_data
def test_names_and_shapes_of_the_published_checkpoint(data_root, tiny_config):
    """Names of XLNet-Base's listing; shapes with its sizes put for the tiny ones."""
    lines = (data_root / "xlnet" / "xlnet_base_ckpt_vars.txt").read_text().splitlines()
    published = {}
    for line in lines:
        name, _, shape = line.partition("\t")
        layer = name.split("layer_")[1].split("/")[0] if "/layer_" in name else "0"
        if name.startswith("model/") and (not layer.isdigit() or int(layer) < 2):
            published[name] = [int(size) for size in shape.strip("[]").split(",")]
    model = PretrainingModel(tiny_config, ModelOptions())
    ours = {variable.name.removesuffix(":0"): variable.shape for variable in model.variables}
    assert set(ours) == set(published)
    for name, shape in published.items():
        sizes = {32000: 40, 768: 16, 3072: 24, 64: 8, 2: 2, 1: 1}
        first = 2 if name.endswith(("_bias", "seg_embed")) and len(shape) > 1 else None
        expected = [sizes.get(size, 2) for size in shape]
        if first:
            expected[0] = first
        assert ours[name].as_list() == expected, name


def test_names_do_not_depend_on_the_callers_scope(tiny_config):
    with tf.name_scope("somewhere"):
        model = ClassificationModel(tiny_config, ModelOptions(), 2, task_name="MNLI")
    names = {variable.name for variable in model.variables}
    assert "model/transformer/layer_1/rel_attn/q/kernel:0" in names
    assert "model/sequnece_summary/summary/kernel:0" in names
    assert "model/classification_mnli/logit/bias:0" in names
    assert all(name.startswith("model/") for name in names)


def test_all_tasks_start_from_the_same_encoder(tiny_config):
    pretraining = PretrainingModel(tiny_config, ModelOptions(init_seed=3))
    classification = ClassificationModel(tiny_config, ModelOptions(init_seed=3), 2)
    other = ClassificationModel(tiny_config, ModelOptions(init_seed=4), 2)
    pairs = zip(
        pretraining.encoder.variables,
        classification.encoder.variables,
        other.encoder.variables,
        strict=True,
    )
    for left, right, different in pairs:
        assert left.name == right.name
        np.testing.assert_array_equal(left, right)
        if "LayerNorm" not in left.name and not left.name.endswith("/bias:0"):
            assert not np.allclose(left, different)


@pytest.mark.parametrize("method", ["normal", "uniform"])
def test_initial_values(tiny_config, method):
    options = ModelOptions(init_method=method, init_std=0.02, init_range=0.1)
    encoder = XLNetEncoder(tiny_config, options)
    values = np.concatenate([layer.q.numpy().ravel() for layer in encoder.attention])
    if method == "normal":
        assert abs(values.std() - 0.02) < 0.003
    else:
        assert np.abs(values).max() <= 0.1
        assert abs(values.std() - 0.1 / np.sqrt(3)) < 0.006
    np.testing.assert_array_equal(encoder.feed_forward[0].layer_norm.gamma, np.ones(16))
