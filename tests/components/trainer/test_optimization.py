import numpy as np
import pytest
import tensorflow as tf

from components import configuration
from components.configuration import ConfigurationError
from components.modeling.classification import ClassificationModel
from components.modeling.config import ModelOptions
from components.modeling.pretraining import PretrainingModel
from components.modeling.question_answering import QuestionAnsweringModel
from components.trainer import optimization
from components.trainer.config import TrainingConfig


def config(**changes):
    values = {"batch_size": 4, "train_steps": 100, "learning_rate": 1e-3, **changes}
    return TrainingConfig(**values)


def test_schedule_by_hand():
    schedule = optimization.make_schedule(config(warmup_steps=10, min_lr_ratio=0.1))
    expected = {0: 0.0, 5: 0.5e-3, 10: 1e-3, 55: 0.55e-3, 100: 0.1e-3, 200: 0.1e-3}
    for step, rate in expected.items():
        assert float(schedule(step)) == pytest.approx(rate, rel=1e-5)


def test_what_decays():
    assert optimization.decays("model/transformer/layer_0/rel_attn/q/kernel:0")
    assert optimization.decays("model/transformer/r_w_bias:0")
    assert optimization.decays("model/transformer/seg_embed:0")
    assert not optimization.decays("model/transformer/layer_0/ff/layer_1/bias:0")
    assert not optimization.decays("model/transformer/layer_0/ff/LayerNorm/gamma:0")
    assert not optimization.decays("model/lm_loss/bias:0")


def test_vectors_do_not_decay_whatever_the_task_is_called(tiny_model):
    options = ModelOptions()
    models = [
        PretrainingModel(tiny_model, options, tie_weight=False),
        ClassificationModel(tiny_model, options, 2, task_name="bias/LayerNorm_layer_norm bias"),
        QuestionAnsweringModel(tiny_model, options, start_n_top=2, end_n_top=2),
    ]
    variables = [variable for model in models for variable in model.trainable_variables]
    assert len(variables) > 60
    for variable in variables:
        assert optimization.decays(variable.name) == (variable.shape.rank > 1), variable.name


def test_layer_multipliers():
    names = [f"model/transformer/layer_{i}/ff/layer_1/kernel:0" for i in range(12)]
    names += ["model/transformer/word_embedding/lookup_table:0", "model/logit/kernel:0"]
    factors = optimization.layer_multipliers(names, 0.75)
    assert factors[names[11]] == 1
    assert factors[names[10]] == 0.75
    assert factors[names[1]] == pytest.approx(0.75**10)
    assert names[12] not in factors
    assert names[13] not in factors


@pytest.mark.parametrize("sparse", [False, True])
def test_update_equals_adamw_written_out(sparse):
    """Against a NumPy transcription of Kingma & Ba (before section 2.1) with decoupled decay."""
    settings = config(weight_decay=0.1, layer_decay=0.5, adam_epsilon=1e-6, warmup_steps=3)
    rng = np.random.default_rng(0)
    initial = rng.normal(size=(5, 3)).astype(np.float32)
    lower = tf.Variable(initial, name="model/transformer/layer_0/rel_attn/q/kernel")
    upper = tf.Variable(initial, name="model/transformer/layer_1/ff/layer_1/bias")
    optimizer = optimization.make_optimizer(settings, [lower.name, upper.name])
    optimizer.build([lower, upper])

    expected = {"lower": initial.astype(np.float64), "upper": initial.astype(np.float64)}
    first, second = np.zeros((5, 3)), np.zeros((5, 3))
    for step in range(6):
        gradient = rng.normal(size=(5, 3)).astype(np.float32)
        if sparse:
            gradient[[0, 3]] = 0
            rows = np.array([1, 2, 4])
            given = tf.IndexedSlices(gradient[rows], rows, (5, 3))
        else:
            given = tf.constant(gradient)
        optimizer.apply_gradients([(given, lower), (given, upper)])
        rate = 1e-3 * (step / 3 if step < 3 else 1 - (step - 3) / 97)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        correction = np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
        adam = correction * first / (np.sqrt(second) + 1e-6)
        expected["lower"] -= rate * 0.5 * (adam + 0.1 * expected["lower"])
        expected["upper"] -= rate * adam
    np.testing.assert_allclose(lower.numpy(), expected["lower"], atol=1e-6)
    np.testing.assert_allclose(upper.numpy(), expected["upper"], atol=1e-6)


def test_gradient_scale_mode_scales_clipped_gradients():
    names = [f"model/transformer/layer_{i}/ff/layer_1/kernel:0" for i in range(2)]
    gradients = [tf.constant([3.0]), tf.constant([4.0])]
    settings = config(layer_decay=0.5, layer_decay_mode="gradient_scale", clip_norm=1.0)
    clipped, norm = optimization.clip_and_scale(gradients, names, settings)
    assert float(norm) == 5
    np.testing.assert_allclose([float(g[0]) for g in clipped], [0.3, 0.8], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch_size must be positive, but is 0"),
        ({"warmup_steps": 100}, r"below train_steps \(100\), but is 100"),
        ({"min_lr_ratio": 2.0}, "min_lr_ratio must be at most 1"),
        ({"layer_decay": 0.0}, "layer_decay must be positive"),
        ({"beta_2": 1.0}, "beta_2 must be below 1"),
        ({"weight_decay": -0.1}, "weight_decay must be at least 0"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"seed": 1 << 31}, r"seed must be at most 2"),
    ],
)
def test_illegal_settings_are_named(changes, message):
    legal = configuration.to_plain(config())
    with pytest.raises(ConfigurationError, match=message):
        configuration.build(TrainingConfig, legal | changes)
