"""The head of questions with options."""

import numpy as np
import pytest
import tensorflow as tf

from components.modeling.config import ModelOptions
from components.modeling.losses import classification_loss
from components.trainer.classification.tasks import ClassificationTask

_BATCH, _CHOICES, _LEN = 3, 4, 10
_OPTIONS = ModelOptions(dropout=0.0, dropout_att=0.0, init_std=0.3)


@pytest.fixture(scope="module")
def features() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    mask = np.zeros([_BATCH, _CHOICES, _LEN], np.float32)
    mask[1, 2, :5] = 1
    return {
        "input_ids": rng.integers(0, 40, mask.shape).astype(np.int32),
        "segment_ids": rng.integers(0, 3, mask.shape).astype(np.int32),
        "input_mask": mask,
        "label_ids": np.array([0, 3, 2], np.int32),
        "is_real_example": np.array([1, 1, 0], np.int32),
    }


def _task(config, options=_OPTIONS) -> ClassificationTask:
    return ClassificationTask(
        config, options, "race", ("A", "B", "C", "D"), ("accuracy",), multiple_choice=True
    )


@pytest.fixture
def model(tiny_config):
    return _task(tiny_config).build_model()


def test_the_head_has_the_published_name(model, tiny_config):
    names = {variable.name.removesuffix(":0"): variable.shape for variable in model.variables}
    assert names["model/logits/dense/kernel"] == [tiny_config.d_model, 1]
    assert names["model/logits/dense/bias"] == [1]


def test_options_in_another_order_have_their_logits_in_that_order(model, features):
    order = [2, 0, 3, 1]
    permuted = {
        name: value[:, order] if value.ndim == 3 else value for name, value in features.items()
    }
    logits = model(features).numpy()
    assert logits.shape == (_BATCH, _CHOICES)
    assert len(np.unique(logits.round(6))) == logits.size
    np.testing.assert_allclose(model(permuted).numpy(), logits[:, order], atol=1e-6)


def test_an_option_is_scored_by_its_own_sequence_alone(model, features):
    changed = {name: value.copy() for name, value in features.items()}
    changed["input_ids"][1, 2] = 7
    before, after = model(features).numpy(), model(changed).numpy()
    is_changed = np.zeros([_BATCH, _CHOICES], bool)
    is_changed[1, 2] = True
    np.testing.assert_array_equal(np.abs(before - after) > 1e-4, is_changed)
    row = {name: value[1] for name, value in features.items() if value.ndim == 3}
    np.testing.assert_allclose(model.sequence_scores(row), before[1], atol=1e-6)


def test_the_loss_is_that_of_a_softmax_over_the_options(model, features, tiny_config):
    logits = model(features).numpy().astype(np.float64)
    exponentials = np.exp(logits)
    probabilities = exponentials / exponentials.sum(1, keepdims=True)
    expected = -np.log(probabilities[np.arange(_BATCH), features["label_ids"]])
    found = classification_loss(tf.constant(logits), features["label_ids"])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    task = _task(tiny_config)
    total, _ = task.training_loss(model, features, {}, dropout_seed=tf.constant([0, 0]))
    # The last question is there to fill the batch.
    np.testing.assert_allclose(total.total, expected[:2].sum(), rtol=1e-5)
    assert total.weight == 2
    outputs, _ = task.evaluation_outputs(model, features, {})
    metrics = task.metrics({name: np.asarray(value) for name, value in outputs.items()})
    hits = logits.argmax(1) == features["label_ids"]
    assert metrics["accuracy"] == pytest.approx(hits.mean())


def test_dropout_and_gradients_reach_every_option(tiny_config, features):
    model = _task(tiny_config, ModelOptions(init_std=0.3)).build_model()
    first, again, other = (
        model(features, training=True, dropout_seed=tf.constant([0, seed])) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.all(np.abs(first - other) > 0)
    with tf.GradientTape() as tape:
        logits = model(features, training=True, dropout_seed=tf.constant([0, 1]))
        loss = tf.reduce_sum(classification_loss(logits, features["label_ids"]))
    (gradient,) = tape.gradient(loss, [model.logit.kernel])
    assert np.all(np.abs(gradient) > 0)
