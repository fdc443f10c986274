"""Training and prediction steps: XLA, dtypes, rematerialisation, gradients, seeds."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components.modeling.classification import ClassificationModel, RegressionModel
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.losses import (
    classification_loss,
    language_model_loss,
    question_answering_loss,
    regression_loss,
)
from components.modeling.pretraining import PretrainingModel
from components.modeling.question_answering import QuestionAnsweringModel

_BATCH, _LEN = 4, 12
_NO_DROPOUT = ModelOptions(dropout=0.0, dropout_att=0.0, init_std=0.3)
_SEED = tf.constant([5, 7])


@pytest.fixture
def tiny_config(tiny_config) -> XLNetConfig:
    """One layer: tracing and compiling take most of the time. Golden cases have several."""
    return dataclasses.replace(tiny_config, n_layer=1)


def _sequence_features(seed: int = 0) -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(seed)
    mask = np.zeros([_BATCH, _LEN], np.float32)
    mask[1, :4] = 1
    return {
        "input_ids": tf.constant(rng.integers(0, 40, [_BATCH, _LEN]), tf.int32),
        "segment_ids": tf.constant(rng.integers(0, 3, [_BATCH, _LEN]), tf.int32),
        "input_mask": tf.constant(mask),
        "label_ids": tf.constant(rng.integers(0, 2, [_BATCH]), tf.int32),
        "p_mask": tf.constant(mask),
        "cls_index": tf.constant([_LEN - 1] * _BATCH),
        "start_positions": tf.constant([4, 5, 6, 7]),
        "end_positions": tf.constant([5, 6, 7, 8]),
        "is_impossible": tf.constant([0.0, 1.0, 0.0, 0.0]),
    }


def _pretraining_features(mem_len: int = 0, seed: int = 0) -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(seed)
    positions = np.stack([rng.permutation(_LEN)[:3] for _ in range(_BATCH)])
    positions[0, 2] = -1
    features = {
        "input_k": tf.constant(rng.integers(0, 40, [_BATCH, _LEN]), tf.int32),
        "seg_id": tf.constant(rng.integers(0, 3, [_BATCH, _LEN]), tf.int32),
        "perm_mask": tf.constant(rng.integers(0, 2, [_BATCH, _LEN, _LEN]), tf.float32),
        "target_positions": tf.constant(positions, tf.int32),
        "target": tf.constant(rng.integers(0, 40, [_BATCH, 3]), tf.int32),
        "target_mask": tf.constant(positions >= 0, tf.float32),
    }
    if mem_len:
        features["mems"] = tf.constant(rng.normal(size=[1, _BATCH, mem_len, 16]), tf.float32)
    return features


def _task(name, config, options):
    """(model, features, loss of features and seed)."""
    if name == "classification":
        model, features = ClassificationModel(config, options, 2), _sequence_features()

        def losses(features, seed):
            logits = model(features, training=True, dropout_seed=seed)
            return classification_loss(logits, features["label_ids"])

    elif name == "regression":
        model, features = RegressionModel(config, options), _sequence_features()

        def losses(features, seed):
            predictions = model(features, training=True, dropout_seed=seed)
            return regression_loss(predictions, features["label_ids"])

    elif name == "question_answering":
        model = QuestionAnsweringModel(config, options, start_n_top=2, end_n_top=3)
        features = _sequence_features()

        def losses(features, seed):
            outputs = model(features, training=True, dropout_seed=seed)
            return question_answering_loss(outputs, features)

    else:
        options = dataclasses.replace(options, mem_len=8, reuse_len=6, bi_data=True)
        model, features = PretrainingModel(config, options), _pretraining_features(mem_len=8)

        def losses(features, seed):
            outputs = model(features, training=True, dropout_seed=seed)
            return language_model_loss(outputs["logits"], features["target"])

    return model, features, losses


def _gradients(model, features, losses, *, jit_compile=False, seed=_SEED):
    @tf.function(jit_compile=jit_compile, autograph=False)
    def step(features, seed):
        with tf.GradientTape() as tape:
            per_example = losses(features, seed)
            loss = tf.reduce_mean(per_example)
        return per_example, tape.gradient(
            loss, model.trainable_variables, unconnected_gradients="zero"
        )

    return step(features, seed)


TASKS = ["classification", "regression", "question_answering", "pretraining"]


@pytest.mark.parametrize(
    ("task", "program"),
    [("question_answering", "cpu"), ("pretraining", "cpu"), ("pretraining", "accelerator")],
)
def test_train_step_under_xla_equals_graph(tiny_config, task, program):
    options = ModelOptions(init_std=0.3, program=program)
    model, features, losses = _task(task, tiny_config, options)
    expected_losses, expected = _gradients(model, features, losses)
    actual_losses, actual = _gradients(model, features, losses, jit_compile=True)
    assert actual_losses.dtype == tf.float32
    np.testing.assert_allclose(actual_losses, expected_losses, atol=2e-5)
    for left, right in zip(actual, expected, strict=True):
        np.testing.assert_allclose(left, right, atol=2e-5)


def test_steps_are_traced_once(tiny_config):
    model = ClassificationModel(tiny_config, ModelOptions(), 2)
    traces = []

    @tf.function(jit_compile=True, autograph=False)
    def step(features, seed):
        traces.append(1)
        with tf.GradientTape() as tape:
            logits = model(features, training=True, dropout_seed=seed)
            loss = tf.reduce_mean(classification_loss(logits, features["label_ids"]))
        for variable, gradient in zip(
            model.trainable_variables,
            tape.gradient(loss, model.trainable_variables, unconnected_gradients="zero"),
            strict=True,
        ):
            variable.assign_sub(0.1 * gradient)
        return loss

    first = step(_sequence_features(0), tf.constant([0, 0]))
    losses = [float(step(_sequence_features(0), tf.constant([0, i]))) for i in range(1, 8)]
    assert len(traces) == 1
    assert step.experimental_get_tracing_count() == 1
    assert min(losses) < float(first)


def test_prediction_of_spans_compiles(tiny_config):
    model = QuestionAnsweringModel(tiny_config, _NO_DROPOUT, start_n_top=2, end_n_top=3)
    compiled = tf.function(model, jit_compile=True, autograph=False)
    features = _sequence_features()
    expected, actual = model(features), compiled(features)
    assert set(actual) == set(expected)
    for name in expected:
        np.testing.assert_allclose(actual[name], expected[name], atol=2e-5)


@pytest.mark.parametrize("task", TASKS)
def test_programs_compute_the_same(tiny_config, task):
    """Without dropout, for which each form has masks of its own."""
    cpu = dataclasses.replace(_NO_DROPOUT, program="cpu")
    model, features, losses = _task(task, tiny_config, cpu)
    expected_losses, expected = _gradients(model, features, losses)
    accelerator = dataclasses.replace(_NO_DROPOUT, program="accelerator", rematerialize=True)
    model, features, losses = _task(task, tiny_config, accelerator)
    actual_losses, actual = _gradients(model, features, losses, jit_compile=True)
    np.testing.assert_allclose(actual_losses, expected_losses, atol=2e-5)
    for variable, left, right in zip(model.trainable_variables, actual, expected, strict=True):
        np.testing.assert_allclose(left, right, atol=2e-5, err_msg=variable.name)


@pytest.mark.parametrize(
    ("task", "program"), [*((task, "cpu") for task in TASKS), ("pretraining", "accelerator")]
)
def test_gradients_match_finite_differences(tiny_config, task, program):
    options = dataclasses.replace(
        _NO_DROPOUT, compute_dtype="float64", dropout=0.2, dropout_att=0.2, program=program
    )
    model, features, losses = _task(task, tiny_config, options)
    _, gradients = _gradients(model, features, losses)
    loss = tf.function(lambda: tf.reduce_mean(losses(features, _SEED)), autograph=False)
    rng = np.random.default_rng(0)
    step = 1e-5
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert variable.dtype == tf.float64
        direction = rng.normal(size=variable.shape)
        start = variable.numpy()
        variable.assign(start + step * direction)
        above = float(loss())
        variable.assign(start - step * direction)
        below = float(loss())
        variable.assign(start)
        slope = (above - below) / (2 * step)
        np.testing.assert_allclose(
            np.sum(gradient * direction), slope, rtol=1e-6, atol=1e-8, err_msg=variable.name
        )


@pytest.mark.parametrize("program", ["cpu", "accelerator"])
def test_rematerialisation_changes_no_value(tiny_config, program):
    options = ModelOptions(init_std=0.3, program=program)
    model, features, losses = _task("pretraining", tiny_config, options)
    again = dataclasses.replace(options, rematerialize=True)
    model_again, _, losses_again = _task("pretraining", tiny_config, again)
    expected_losses, expected = _gradients(model, features, losses, jit_compile=True)
    actual_losses, actual = _gradients(model_again, features, losses_again, jit_compile=True)
    np.testing.assert_allclose(actual_losses, expected_losses, rtol=1e-6)
    for variable, left, right in zip(model.trainable_variables, actual, expected, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6, err_msg=variable.name)


@pytest.mark.parametrize("task", TASKS)
def test_bfloat16_keeps_wide_variables_and_losses(tiny_config, task):
    options = ModelOptions(dropout=0.0, dropout_att=0.0, init_std=0.1)
    model, features, losses = _task(task, tiny_config, options)
    narrow = dataclasses.replace(options, compute_dtype="bfloat16")
    narrow_model, narrow_features, narrow_losses = _task(task, tiny_config, narrow)
    expected, _ = _gradients(model, features, losses)
    actual, gradients = _gradients(narrow_model, narrow_features, narrow_losses)
    assert actual.dtype == tf.float32
    assert {variable.dtype for variable in narrow_model.variables} == {tf.float32}
    assert {gradient.dtype for gradient in gradients} == {tf.float32}
    np.testing.assert_allclose(actual, expected, rtol=0.05, atol=0.02)


@pytest.mark.parametrize("program", ["cpu", "accelerator"])
def test_dropout_depends_on_the_seed_alone(tiny_config, program):
    model = ClassificationModel(tiny_config, ModelOptions(init_std=0.3, program=program), 2)
    features = _sequence_features()
    logits = [
        model(features, training=True, dropout_seed=tf.constant(seed)).numpy()
        for seed in ([1, 2], [1, 2], [1, 3], [2, 2])
    ]
    np.testing.assert_array_equal(logits[0], logits[1])
    assert not np.allclose(logits[0], logits[2])
    assert not np.allclose(logits[0], logits[3])
    assert not np.allclose(logits[2], logits[3])


def test_training_with_dropout_needs_a_seed(tiny_config):
    model = ClassificationModel(tiny_config, ModelOptions(), 2)
    with pytest.raises(ValueError, match="dropout_seed"):
        model(_sequence_features(), training=True)


def test_one_hot_lookup_equals_gather(tiny_config):
    features = _sequence_features()
    gather = ClassificationModel(
        tiny_config, dataclasses.replace(_NO_DROPOUT, embedding_lookup="gather"), 2
    )
    one_hot = ClassificationModel(
        tiny_config, dataclasses.replace(_NO_DROPOUT, embedding_lookup="one_hot"), 2
    )
    np.testing.assert_allclose(gather(features), one_hot(features), atol=1e-6)


def test_target_mapping_and_positions_agree(tiny_config):
    model = PretrainingModel(tiny_config, _NO_DROPOUT)
    features = _pretraining_features()
    expected = model(features)["logits"]
    positions = features.pop("target_positions")
    features["target_mapping"] = tf.one_hot(positions, _LEN)  # -1 gives an empty row
    np.testing.assert_allclose(model(features)["logits"], expected, atol=1e-6)
