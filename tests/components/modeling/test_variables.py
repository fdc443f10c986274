"""The weights of a model that only answers."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components.modeling.classification import (
    ClassificationModel,
    MultipleChoiceModel,
    RegressionModel,
)
from components.modeling.config import ModelOptions
from components.modeling.pretraining import PretrainingModel
from components.modeling.question_answering import QuestionAnsweringModel

_BATCH, _LEN, _CHOICES = 3, 12, 2
_BFLOAT16 = ModelOptions(compute_dtype="bfloat16", init_std=0.3)
_MODELS = {
    "classification": lambda config, options: ClassificationModel(
        config, options, 3, task_name="mnli"
    ),
    "regression": lambda config, options: RegressionModel(config, options, task_name="sts-b"),
    "multiple_choice": MultipleChoiceModel,
    "question_answering": lambda config, options: QuestionAnsweringModel(
        config, options, start_n_top=2, end_n_top=3
    ),
    "pretraining": lambda config, options: PretrainingModel(config, options, tie_weight=False),
}


def _features(kind: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = [_BATCH, _CHOICES, _LEN] if kind == "multiple_choice" else [_BATCH, _LEN]
    mask = np.zeros(shape, np.float32)
    mask[1, ..., :4] = 1
    ids = rng.integers(0, 40, shape).astype(np.int32)
    segments = rng.integers(0, 3, shape).astype(np.int32)
    features = {"input_ids": ids, "segment_ids": segments, "input_mask": mask}
    if kind == "question_answering":
        features |= {"p_mask": mask, "cls_index": np.full([_BATCH], _LEN - 1, np.int32)}
    if kind == "pretraining":
        positions = np.array([[0, 5], [7, 2], [4, -1]], np.int32)
        features = {
            "input_k": ids,
            "seg_id": segments,
            "perm_mask": np.zeros([_BATCH, _LEN, _LEN], np.float32),
            "target_positions": positions,
        }
    return features


@pytest.mark.parametrize("kind", _MODELS)
@pytest.mark.parametrize("embedding_lookup", ["gather", "one_hot"])
def test_weights_stored_in_bfloat16_give_the_same_to_the_bit(kind, embedding_lookup, tiny_config):
    options = dataclasses.replace(_BFLOAT16, embedding_lookup=embedding_lookup)
    model = _MODELS[kind](tiny_config, options)
    for variable in model.variables:
        # Trained values are none that bfloat16 can hold, not even those that begin as 0 and 1.
        noise = np.random.default_rng(len(variable.name)).normal(size=variable.shape)
        variable.assign_add(0.1 * noise.astype(np.float32))
    served = model.for_serving()
    assert type(served) is type(model)
    features = _features(kind)
    expected, found = model(features), served(features)
    tf.nest.assert_same_structure(expected, found)
    for one, other in zip(tf.nest.flatten(expected), tf.nest.flatten(found), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", _MODELS)
def test_only_what_is_used_in_float32_is_stored_in_float32(kind, tiny_config):
    model = _MODELS[kind](tiny_config, _BFLOAT16)
    assert {variable.dtype for variable in model.variables} == {tf.float32}
    served = model.for_serving()
    assert [v.name for v in served.variables] == [v.name for v in model.variables]
    for variable in served.variables:
        is_wide = "LayerNorm" in variable.name or variable.name == "model/lm_loss/bias:0"
        assert variable.dtype == (tf.float32 if is_wide else tf.bfloat16), variable.name


@pytest.mark.parametrize("compute_dtype", ["float32", "float64"])
def test_a_model_with_weights_in_the_compute_dtype_needs_no_copy(compute_dtype, tiny_config):
    model = _MODELS["classification"](tiny_config, ModelOptions(compute_dtype=compute_dtype))
    assert model.for_serving() is model
