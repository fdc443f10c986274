"""Parity with the published TF1 graph: outputs, memories, losses and gradients."""

import numpy as np
import pytest
import tensorflow as tf

from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.encoder import XLNetEncoder
from components.modeling.losses import language_model_loss
from components.modeling.pretraining import PretrainingModel

pytestmark = pytest.mark.golden

ENCODER_CASES = [
    "enc_bidata",
    "enc_bidata_clamp7",
    "enc_clamp5",
    "enc_mask_seg",
    "enc_mask_seg_left",
    "enc_noseg_nomask",
    "mems_mem10_seg1",
    "mems_mem10_seg2",
    "mems_mem10_seg3",
    "mems_reuse12_mem16_seg1",
    "mems_reuse12_mem16_seg2",
    "mems_reuse12_mem16_seg3",
]
LM_CASES = [
    "lm_bi_clamp6_nomems",
    "lm_bi_clamp6_seg1_zero_mems",
    "lm_bi_clamp6_seg2",
    "lm_bi_nomems",
    "lm_bi_seg1_zero_mems",
    "lm_bi_seg2",
    "lm_full_targets",
    "lm_uni_nomems",
    "lm_uni_seg1_zero_mems",
    "lm_uni_seg2",
]
# Of training steps in the form for accelerators, without dropout.
ACCELERATOR_ENCODER_CASES = ["enc_bidata", "enc_mask_seg_left", "mems_reuse12_mem16_seg3"]
ACCELERATOR_LM_CASES = ["lm_bi_clamp6_seg2", "lm_bi_seg2", "lm_full_targets", "lm_uni_seg2"]
TOLERANCE = 2e-5


@pytest.fixture
def folder(golden_root):
    return golden_root / "model" / "tf1" / "pretrain_v200"


@pytest.fixture
def config(folder):
    return XLNetConfig.read(str(folder / "xlnet_config.json"))


@pytest.fixture
def values(folder):
    archive = np.load(folder / "weights.npz", allow_pickle=False)
    return {key.replace("|", "/"): archive[key] for key in archive.files}


def _options(meta, program) -> ModelOptions:
    names = ("bi_data", "clamp_len", "mem_len", "reuse_len")
    given = {name: meta[name] for name in names if meta.get(name) is not None}
    return ModelOptions(dropout=0.0, dropout_att=0.0, program=program, **given)


def _close(actual, expected, *, scale: float = 1.0) -> None:
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=0, atol=TOLERANCE * scale)


def _swap(array: np.ndarray | None, axis: int = 0) -> np.ndarray | None:
    """[len, batch] ↔ [batch, len], from `axis` on."""
    return None if array is None else array.swapaxes(axis, axis + 1)


@pytest.mark.parametrize(
    ("case", "program"),
    [(case, "cpu") for case in ENCODER_CASES]
    + [(case, "accelerator") for case in ACCELERATOR_ENCODER_CASES],
)
def test_encoder(golden_models, folder, config, values, case, program):
    meta, inputs, expected = golden_models.load_case(folder / "cases" / f"{case}.npz")
    encoder = XLNetEncoder(config, _options(meta, program))
    golden_models.assign(encoder, values)
    is_step = program == "accelerator"
    encode = tf.function(encoder, jit_compile=True, autograph=False) if is_step else encoder
    output = encode(
        _swap(inputs["input_ids"]),
        segment_ids=_swap(inputs.get("seg_ids")),
        input_mask=_swap(inputs.get("input_mask")),
        mems=_swap(inputs.get("mems"), 1),
        training=is_step,
    )
    _close(output.hidden, _swap(expected["output"]))
    if "new_mems" in expected:
        _close(output.mems, _swap(expected["new_mems"], 1))


@pytest.mark.parametrize(
    ("case", "jit_compile", "program"),
    [(case, False, "cpu") for case in LM_CASES]
    + [("lm_bi_clamp6_seg2", True, "cpu")]
    + [(case, True, "accelerator") for case in ACCELERATOR_LM_CASES],
)
def test_language_model(golden_models, folder, config, values, case, jit_compile, program):
    meta, inputs, expected = golden_models.load_case(folder / "cases" / f"{case}.npz")
    model = PretrainingModel(config, _options(meta, program))
    golden_models.assign(model, values)
    features = {key: tf.constant(value) for key, value in inputs.items() if key != "mems"}
    if "mems" in inputs:
        features["mems"] = tf.constant(_swap(inputs["mems"], 1))

    @tf.function(jit_compile=jit_compile)
    def step():
        with tf.GradientTape() as tape:
            outputs = model(features, training=program == "accelerator")
            per_token = language_model_loss(outputs["logits"], features["target"])
            mask = features["target_mask"]
            loss = tf.reduce_sum(per_token * mask) / tf.reduce_sum(mask)
        return outputs, per_token, loss, tape.gradient(loss, model.trainable_variables)

    outputs, per_token, loss, gradients = step()
    _close(outputs["hidden"], _swap(expected["output_g"]))
    _close(outputs["logits"], _swap(expected["logits"]))
    _close(per_token, _swap(expected["per_token_loss"]))
    _close(loss, expected["loss"])
    if "new_mems" in expected:
        _close(outputs["mems"], _swap(expected["new_mems"], 1))
    checked = 0
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        key = "grad_" + variable.name.removesuffix(":0")
        if key in expected:
            checked += 1
            _close(gradient, expected[key])
    assert checked == sum(key.startswith("grad_") for key in expected)
