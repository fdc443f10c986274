"""bfloat16 trains as float32 does: the losses of 200 updates of a tiny pretraining."""

import numpy as np
import tensorflow as tf

from components.modeling import losses
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.pretraining import PretrainingModel
from components.trainer import optimization
from components.trainer.config import TrainingConfig

_STEPS, _BATCH, _LENGTH, _PREDICTED, _TOKENS = 200, 4, 16, 4, 40


def _batches() -> list[dict[str, tf.Tensor]]:
    """Counting modulo a small number, from random starts: a text that can be learnt."""
    rng = np.random.default_rng(0)
    batches = []
    for _ in range(_STEPS):
        start = rng.integers(0, 10, (_BATCH, 1))
        ids = 10 + (start + np.arange(_LENGTH)) % 10
        positions = np.stack(
            [rng.choice(_LENGTH, _PREDICTED, replace=False) for _ in range(_BATCH)]
        )
        perm_mask = np.zeros((_BATCH, _LENGTH, _LENGTH), np.float32)
        for row, predicted in enumerate(positions):
            perm_mask[row][:, predicted] = 1
        batches.append(
            {
                "input_k": tf.constant(ids, tf.int32),
                "seg_id": tf.zeros([_BATCH, _LENGTH], tf.int32),
                "perm_mask": tf.constant(perm_mask),
                "target_positions": tf.constant(positions, tf.int32),
                "target": tf.constant(np.take_along_axis(ids, positions, -1), tf.int32),
            }
        )
    return batches


def _train(dtype: str, program: str = "cpu") -> np.ndarray:
    config = XLNetConfig(
        n_token=_TOKENS,
        n_layer=2,
        d_model=32,
        n_head=2,
        d_head=16,
        d_inner=64,
        ff_activation="gelu",
        untie_r=True,
    )
    options = ModelOptions(
        dropout=0.0, dropout_att=0.0, init_std=0.1, compute_dtype=dtype, program=program
    )
    training = TrainingConfig(
        batch_size=_BATCH, train_steps=_STEPS, learning_rate=3e-3, warmup_steps=20
    )
    model = PretrainingModel(config, options)
    variables = model.trainable_variables
    optimizer = optimization.make_optimizer(training, [variable.name for variable in variables])
    optimizer.build(variables)

    @tf.function(autograph=False, jit_compile=True)
    def step(features: dict[str, tf.Tensor]) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = model(features, training=True)["logits"]
            loss = tf.reduce_mean(losses.language_model_loss(logits, features["target"]))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return np.array([float(step(batch)) for batch in _batches()])


def test_losses_agree_within_one_percent_over_200_steps():
    single = _train("float32")
    # It is a training, not noise around the start.
    assert single[-20:].mean() < 0.7 * single[:20].mean()
    for program in ("cpu", "accelerator"):
        half = _train("bfloat16", program)
        assert np.abs(half.mean() / single.mean() - 1) < 0.01
        windows = (single.reshape(10, 20).mean(1), half.reshape(10, 20).mean(1))
        np.testing.assert_allclose(windows[1], windows[0], rtol=0.01, err_msg=program)
