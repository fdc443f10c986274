"""Parity with an independent PyTorch implementation, in float32 and float64."""

import numpy as np
import pytest
import tensorflow as tf

from components.checkpoint_conversion import names
from components.modeling.classification import ClassificationModel
from components.modeling.config import ModelOptions
from components.modeling.encoder import XLNetEncoder
from components.modeling.losses import classification_loss
from components.modeling.pretraining import PretrainingModel, positions_of
from components.modeling.question_answering import QuestionAnsweringModel

pytestmark = pytest.mark.golden

CONFIGS = ["tied_relu", "untied_gelu_new"]
ENCODER_CASES = [
    "a_encoder",
    "a_encoder_hidden_attn",
    "a_encoder_noseg_nomask",
    "b_mems_mem16_reuse10_seg1",
    "b_mems_mem16_reuse10_seg2",
    "b_mems_mem16_seg1",
    "b_mems_mem16_seg2",
    "b_mems_mem40_seg1",
    "b_mems_mem40_seg2",
    "c_two_stream",
    "f_bidata0_clamp-1",
    "f_bidata0_clamp-1_two_stream",
    "f_bidata0_clamp6",
    "f_bidata0_clamp6_two_stream",
    "f_bidata1_clamp-1",
    "f_bidata1_clamp-1_two_stream",
    "f_bidata1_clamp6",
    "f_bidata1_clamp6_two_stream",
    "g_attn_uni",
]
# Of training steps in the form for accelerators, without dropout.
ACCELERATOR_CASES = ["b_mems_mem16_seg2", "f_bidata1_clamp-1_two_stream"]
LM_CASES = ["c_two_stream_lm", "c_two_stream_mems_seg1", "c_two_stream_mems_seg2"]
TOLERANCE = {np.float32: 2e-5, np.float64: 1e-10}


@pytest.fixture(params=CONFIGS)
def folder(request, golden_root):
    return golden_root / "model" / "hf" / request.param


@pytest.fixture(params=[np.float32, np.float64], ids=["fp32", "fp64"])
def dtype(request):
    return request.param


def _options(meta, dtype, program="cpu") -> ModelOptions:
    return ModelOptions(
        dropout=0.0,
        dropout_att=0.0,
        compute_dtype=np.dtype(dtype).name,
        program=program,
        **meta["config_overrides"],
    )


def _close(actual, expected, dtype) -> None:
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=0, atol=TOLERANCE[dtype])


def _batch_major(mems: np.ndarray | None) -> np.ndarray | None:
    return None if mems is None else mems.transpose(0, 2, 1, 3)


@pytest.mark.parametrize(
    ("case", "program"),
    [(case, "cpu") for case in ENCODER_CASES]
    + [(case, "accelerator") for case in ACCELERATOR_CASES],
)
def test_encoder(golden_models, folder, case, dtype, program):
    meta, inputs, expected = golden_models.load_case(folder / "cases" / f"{case}.npz", dtype)
    config = golden_models.hugging_face_config(folder)
    encoder = XLNetEncoder(config, _options(meta, dtype, program))
    golden_models.assign(
        encoder, golden_models.hugging_face_values(folder, names.encoder_entries(config))
    )
    positions = None
    if "target_mapping" in inputs:
        positions = positions_of(tf.constant(inputs["target_mapping"]))
    is_step = program == "accelerator"
    encode = tf.function(encoder, jit_compile=True, autograph=False) if is_step else encoder
    output = encode(
        inputs["input_ids"],
        segment_ids=inputs.get("token_type_ids"),
        input_mask=inputs.get("input_mask"),
        perm_mask=inputs.get("perm_mask"),
        mems=_batch_major(inputs.get("mems")),
        target_positions=positions,
        training=is_step,
    )
    hidden = output.hidden if positions is None else output.query_hidden
    _close(hidden, expected["last_hidden_state"], dtype)
    if "mems" in expected:
        _close(output.mems, _batch_major(expected["mems"]), dtype)
    if "hidden_states" in expected:
        _close(tf.stack(output.layers), expected["hidden_states"], dtype)


@pytest.mark.parametrize("case", LM_CASES)
def test_language_model(golden_models, folder, case, dtype):
    meta, inputs, expected = golden_models.load_case(folder / "cases" / f"{case}.npz", dtype)
    config = golden_models.hugging_face_config(folder)
    # "tied" and "untied" of these folders mean attention biases; the LM's matrix is its own.
    model = PretrainingModel(config, _options(meta, dtype), tie_weight=False)
    entries = names.encoder_entries(config) + names.language_model_entries(tie_weight=False)
    golden_models.assign(model, golden_models.hugging_face_values(folder, entries))
    outputs = model(
        {
            "input_k": inputs["input_ids"],
            "seg_id": inputs["token_type_ids"],
            "input_mask": inputs["input_mask"],
            "perm_mask": inputs["perm_mask"],
            "target_mapping": inputs["target_mapping"],
            "mems": _batch_major(inputs.get("mems")),
        }
    )
    _close(outputs["logits"], expected["logits"], dtype)
    if "mems" in expected:
        _close(outputs["mems"], _batch_major(expected["mems"]), dtype)


def test_classification(golden_models, folder, dtype):
    meta, inputs, expected = golden_models.load_case(
        folder / "cases" / "d_classification.npz", dtype
    )
    config = golden_models.hugging_face_config(folder)
    model = ClassificationModel(config, _options(meta, dtype), 3, task_name="MNLI")
    entries = names.encoder_entries(config) + names.sequence_entries("classification_mnli/logit")
    golden_models.assign(model, golden_models.hugging_face_values(folder, entries))
    logits = model(
        {
            "input_ids": inputs["input_ids"],
            "segment_ids": inputs["token_type_ids"],
            "input_mask": inputs["input_mask"],
        }
    )
    _close(logits, expected["logits"], dtype)
    losses = classification_loss(logits, inputs["labels"])
    _close(np.mean(losses), expected["loss"], dtype)


def test_span_beam(golden_models, folder, dtype):
    meta, inputs, expected = golden_models.load_case(folder / "cases" / "e_qa_beam.npz", dtype)
    config = golden_models.hugging_face_config(folder)
    model = QuestionAnsweringModel(config, _options(meta, dtype), start_n_top=5, end_n_top=4)
    entries = names.encoder_entries(config) + names.question_answering_entries()
    golden_models.assign(model, golden_models.hugging_face_values(folder, entries))
    outputs = model(
        {
            "input_ids": inputs["input_ids"],
            "segment_ids": inputs["token_type_ids"],
            "input_mask": inputs["input_mask"],
            "p_mask": inputs["p_mask"],
            "cls_index": inputs["cls_index"],
        }
    )
    _close(outputs["cls_logits"], expected["cls_logits"], dtype)
    _close(outputs["start_top_index"], expected["start_top_index"], dtype)

    def start_major(ends):
        # Hugging Face lays the ends out end after end; the published code, and we, start by start.
        return ends.reshape(-1, 4, 5).transpose(0, 2, 1).reshape(-1, 20)

    _close(outputs["end_top_index"], start_major(expected["end_top_index"]), dtype)
    # What Hugging Face calls log_probs are probabilities.
    _close(np.exp(outputs["start_top_log_probs"]), expected["start_top_log_probs"], dtype)
    ends = start_major(expected["end_top_log_probs"])
    _close(np.exp(outputs["end_top_log_probs"]), ends, dtype)
