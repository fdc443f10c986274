"""The training step of the TF2 port that this project replaces, for an environment of its own.

The port does not come with this project. `XLNET_REFERENCE_ROOT` names the folder with its
`official/nlp/`, in which names that current TensorFlow does not have (`tf.matrix_band_part`,
`tf.gfile`) and the misspelt `self.lamp_len` must be replaced. The environment needs TensorFlow and
tf_keras only. It must not contain tf-models-official, which would be imported instead of the port.
"""

from __future__ import annotations

import os
import sys
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

_ROOT = "XLNET_REFERENCE_ROOT"


def make_step(case: Case, dtype: str) -> Callable[[], float]:
    """Makes a step of forward pass, backward pass, clipping and Adam.

    This is what the port's own training loop does on devices other than a TPU.
    """
    if dtype != "float32":
        raise ValueError("its bfloat16 makes the variables bfloat16, which is another computation")
    root = os.environ.get(_ROOT, "")
    if not os.path.isfile(os.path.join(root, "official", "nlp", "xlnet_modeling.py")):
        raise ValueError(f"{_ROOT} should name a folder with official/nlp/, not {root!r}")
    sys.path.insert(0, root)
    from official.nlp import xlnet_config, xlnet_modeling

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    config = xlnet_config.XLNetConfig(
        args_dict={
            "n_token": N_TOKEN,
            "n_layer": case.n_layer,
            "d_model": case.d_model,
            "n_head": case.n_head,
            "d_head": D_HEAD,
            "d_inner": case.d_inner,
            "ff_activation": "gelu",
            "untie_r": True,
        }
    )
    run_config = xlnet_config.RunConfig(
        is_training=True,
        use_tpu=False,
        use_bfloat16=False,
        dropout=DROPOUT,
        dropout_att=DROPOUT,
        mem_len=case.mem_len,
        reuse_len=case.reuse_len,
        bi_data=bool(case.num_predict),
    )
    features = {name: tf.constant(value) for name, value in make_inputs(case).items()}
    if case.num_predict:
        model = xlnet_modeling.PretrainingXLNetModel(config, run_config, name="model")
        features["input_k"] = features.pop("input_ids")
        features["seg_id"] = features.pop("segment_ids")
        # This implementation has time-major memories.
        features["mems"] = [tf.transpose(layer, [1, 0, 2]) for layer in features["mems"]]
    else:
        model = xlnet_modeling.ClassificationXLNetModel(
            config, run_config, NUM_CLASSES, name="model"
        )
        features["mems"] = None
    optimizer = tf_keras.optimizers.Adam(LEARNING_RATE, jit_compile=False)

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            model(features, training=True)
            loss = model.losses[0]
        variables = model.trainable_variables
        pairs = [
            (gradient, variable)
            for gradient, variable in zip(tape.gradient(loss, variables), variables, strict=True)
            if gradient is not None
        ]
        clipped, _ = tf.clip_by_global_norm([gradient for gradient, _ in pairs], 1.0)
        optimizer.apply_gradients(zip(clipped, [v for _, v in pairs], strict=True))
        return loss

    return lambda: float(step())


contestant.main(make_step)
