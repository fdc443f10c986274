"""keras-hub's training step (Keras 3 on TensorFlow), for an environment of its own.

Its backbone has neither memory nor predicted positions, so it only runs the classification case.
"""

from __future__ import annotations

import os
from collections.abc import Callable

os.environ["KERAS_BACKEND"] = "tensorflow"

import contestant
import keras
import keras_hub
import tensorflow as tf
from cases import (
    DROPOUT,
    LEARNING_RATE,
    N_TOKEN,
    NUM_CLASSES,
    THREADS,
    Case,
    make_inputs,
)


def make_step(case: Case, dtype: str) -> Callable[[], float]:
    """Makes a step with Keras' own train_on_batch, on the backbone with a dense layer on top.

    The dense layer reads the last token.
    """
    if case.num_predict or dtype != "float32":
        raise ValueError("keras-hub runs the classification case in float32 only")
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    backbone = keras_hub.models.XLNetBackbone(
        vocabulary_size=N_TOKEN,
        num_layers=case.n_layer,
        num_heads=case.n_head,
        hidden_dim=case.d_model,
        intermediate_dim=case.d_inner,
        dropout=DROPOUT,
    )
    outputs = keras.layers.Dense(NUM_CLASSES)(backbone.output[:, -1])
    model = keras.Model(backbone.inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    values = make_inputs(case)
    inputs = {
        "token_ids": values["input_ids"],
        "segment_ids": values["segment_ids"],
        "padding_mask": (1 - values["input_mask"]).astype("int32"),
    }
    return lambda: float(model.train_on_batch(inputs, values["label_ids"]))


contestant.main(make_step)
