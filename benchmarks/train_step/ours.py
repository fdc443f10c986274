"""This project's training step, as a contestant."""

from __future__ import annotations

from collections.abc import Callable

import contestant
import tensorflow as tf
from cases import (
    D_HEAD,
    DROPOUT,
    LEARNING_RATE,
    N_TOKEN,
    NUM_CLASSES,
    THREADS,
    Case,
    make_inputs,
)

from components.modeling import losses
from components.modeling.classification import ClassificationModel
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.pretraining import PretrainingModel
from components.trainer import optimization
from components.trainer.config import TrainingConfig


def make_step(case: Case, dtype: str) -> Callable[[], float]:
    """Makes a step of forward pass, backward pass and update, as our Trainer does on the CPU."""
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    config = XLNetConfig(
        n_token=N_TOKEN,
        n_layer=case.n_layer,
        d_model=case.d_model,
        n_head=case.n_head,
        d_head=D_HEAD,
        d_inner=case.d_inner,
        ff_activation="gelu",
        untie_r=True,
    )
    options = ModelOptions(
        dropout=DROPOUT,
        dropout_att=DROPOUT,
        mem_len=case.mem_len,
        reuse_len=case.reuse_len,
        bi_data=bool(case.num_predict),
        compute_dtype=dtype,
    )
    features = {name: tf.constant(value) for name, value in make_inputs(case).items()}
    pretraining = bool(case.num_predict)
    if pretraining:
        del features["target_mapping"], features["input_q"], features["input_mask"]
        features["input_k"] = features.pop("input_ids")
        features["seg_id"] = features.pop("segment_ids")
        features["mems"] = tf.cast(features["mems"], dtype)
        model = PretrainingModel(config, options)
    else:
        model = ClassificationModel(config, options, NUM_CLASSES)
    variables = model.trainable_variables
    training = TrainingConfig(
        batch_size=case.batch_size, train_steps=1000, learning_rate=LEARNING_RATE
    )
    optimizer = optimization.make_optimizer(training, [v.name for v in variables])
    optimizer.build(variables)

    def loss_of(features, seed):
        outputs = model(features, training=True, dropout_seed=seed)
        if not pretraining:
            return tf.reduce_mean(losses.classification_loss(outputs, features["label_ids"]))
        per_token = losses.language_model_loss(outputs["logits"], features["target"])
        return tf.reduce_sum(per_token * features["target_mask"]) / tf.reduce_sum(
            features["target_mask"]
        )

    # On a CPU, `jit_compile: auto` means False, too: TensorFlow's kernels are as fast as XLA's and
    # need no compilation.
    @tf.function(jit_compile=False, autograph=False)
    def step(features, seed):
        with tf.GradientTape() as tape:
            loss = loss_of(features, seed)
        gradients = tape.gradient(loss, variables)
        pairs = [pair for pair in zip(gradients, variables, strict=True) if pair[0] is not None]
        names = [variable.name for _, variable in pairs]
        clipped, _ = optimization.clip_and_scale([g for g, _ in pairs], names, training)
        optimizer.apply_gradients(zip(clipped, [v for _, v in pairs], strict=True))
        return loss

    counter = iter(range(1 << 30))
    return lambda: float(step(features, tf.constant([0, next(counter)], tf.int32)))


contestant.main(make_step)
