"""The TensorFlow Model Garden's training step (official.nlp), for an environment of its own."""

from __future__ import annotations

import os
from collections.abc import Callable

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import contestant
import tensorflow as tf
import tf_keras
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
from official.nlp.modeling import models, networks


def make_step(case: Case, dtype: str) -> Callable[[], float]:
    """Makes a step as Model Garden makes it on the CPU, without XLA, which is slower here."""
    if dtype != "float32":
        raise ValueError("measured in float32 only")
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    step, arguments = make_function(case)
    return lambda: float(step(*arguments)[0])


def make_function(case: Case, *, jit_compile: bool = False) -> tuple[Callable, tuple]:
    """Makes a step of forward pass, backward pass, clipping and Adam, and what to call it with.

    It returns the loss and, in pretraining, the next memory.

    Args:
        case: sizes of the step.
        jit_compile: whether XLA compiles it.
    """
    pretraining = bool(case.num_predict)
    initializer = tf_keras.initializers.RandomNormal(stddev=0.02)
    network = networks.XLNetBase(
        vocab_size=N_TOKEN,
        num_layers=case.n_layer,
        hidden_size=case.d_model,
        num_attention_heads=case.n_head,
        head_size=D_HEAD,
        inner_size=case.d_inner,
        dropout_rate=DROPOUT,
        attention_dropout_rate=DROPOUT,
        attention_type="bi",
        bi_data=pretraining,
        initializer=initializer,
        two_stream=pretraining,
        tie_attention_biases=False,
        memory_length=case.mem_len,
        reuse_length=case.reuse_len or None,
        inner_activation="gelu",
        use_cls_mask=False,
        embedding_width=case.d_model,
    )
    values = make_inputs(case)
    features = {
        "input_word_ids": tf.constant(values["input_ids"]),
        "input_type_ids": tf.constant(values["segment_ids"]),
    }
    if pretraining:
        model = models.XLNetPretrainer(
            network=network, mlm_activation="gelu", mlm_initializer=initializer
        )
        features.update(
            input_mask=tf.ones([case.batch_size, case.seq_len]),
            masked_tokens=tf.constant(values["input_q"] > 0),
            permutation_mask=tf.constant(1 - values["perm_mask"]),
            target_mapping=tf.constant(values["target_mapping"]),
            state=[tf.constant(layer) for layer in values["mems"]],
        )
        targets = tf.constant(values["target"])
    else:
        model = models.XLNetClassifier(
            network=network,
            num_classes=NUM_CLASSES,
            initializer=initializer,
            summary_type="last",
            dropout_rate=DROPOUT,
        )
        features["input_mask"] = tf.constant(1 - values["input_mask"])
        targets = tf.constant(values["label_ids"])
    # Creates the variables of the model, for which the optimizer then creates its own.
    model(features, training=False)
    optimizer = tf_keras.optimizers.Adam(LEARNING_RATE, jit_compile=False)
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=jit_compile)
    def step(features, targets) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            outputs = model(features, training=True)
            logits, memory = outputs if isinstance(outputs, tuple) else (outputs, [])
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(
                    labels=targets, logits=tf.cast(logits, tf.float32)
                )
            )
        variables = model.trainable_variables
        pairs = [
            (gradient, variable)
            for gradient, variable in zip(tape.gradient(loss, variables), variables, strict=True)
            if gradient is not None
        ]
        clipped, _ = tf.clip_by_global_norm([gradient for gradient, _ in pairs], 1.0)
        optimizer.apply_gradients(zip(clipped, [v for _, v in pairs], strict=True))
        return loss, memory

    return step, (features, targets)


if __name__ == "__main__":
    contestant.main(make_step)
