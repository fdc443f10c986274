"""The weights of a model that only answers."""

import dataclasses
import platform

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.framework import convert_to_constants
from tensorflow.python.grappler import tf_optimizer

from components.modeling import fused_ops
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
    served = model.for_serving(seq_len=_LEN)
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
    served = model.for_serving(seq_len=_LEN)
    names = {v.name.replace("/r/kernel", "/r/position_keys") for v in model.variables}
    assert {v.name for v in served.variables} == names
    for variable in served.variables:
        is_wide = "LayerNorm" in variable.name or variable.name == "model/lm_loss/bias:0"
        assert variable.dtype == (tf.float32 if is_wide else tf.bfloat16), variable.name


@pytest.mark.parametrize("kind", _MODELS)
@pytest.mark.parametrize("activation", ["gelu", "gelu_erf", "relu"])
@pytest.mark.parametrize("longest", [_LEN, _LEN + 7])
@pytest.mark.parametrize(("compute_dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_the_form_for_serving_gives_the_same(
    kind, activation, longest, compute_dtype, tolerance, tiny_config
):
    config = dataclasses.replace(tiny_config, ff_activation=activation)
    model = _MODELS[kind](config, ModelOptions(compute_dtype=compute_dtype, init_std=0.3))
    served = model.for_serving(seq_len=longest)
    features = _features(kind)
    expected, found = tf.nest.flatten(model(features)), tf.nest.flatten(served(features))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", _MODELS)
@pytest.mark.parametrize("compute_dtype", ["float32", "bfloat16"])
def test_the_form_for_serving_has_no_gradients(kind, compute_dtype, tiny_config):
    """TensorFlow would keep those of every model that a process has loaded, and the models."""
    model = _MODELS[kind](
        tiny_config, ModelOptions(compute_dtype=compute_dtype, program="accelerator")
    )
    served = model.for_serving(seq_len=_LEN)
    function = tf.function(served.__call__, autograph=False)
    graph = function.get_concrete_function(_features(kind)).graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    assert [node.name for node in nodes if "_gradient_op_type" in node.attr] == []


def test_what_the_form_for_serving_cannot_answer_is_named(tiny_config):
    model = _MODELS["classification"](tiny_config, ModelOptions())
    served = model.for_serving(seq_len=_LEN - 1)
    with pytest.raises(ValueError, match=f"at most {_LEN - 1} tokens, not {_LEN}"):
        served(_features("classification"))
    ids = np.zeros([1, 4], np.int32)
    with pytest.raises(ValueError, match="no memory"):
        served.encoder(ids, mems=np.zeros([tiny_config.n_layer, 1, 2, tiny_config.d_model]))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other builds have no oneDNN")
def test_tensorflow_fuses_product_bias_and_activation():
    """As read off the graph that its optimiser makes for a CPU."""
    rng = np.random.default_rng(0)
    matrix, bias = (tf.Variable(rng.normal(size=s), dtype=tf.float32) for s in ([8, 32], [32]))

    @tf.function(input_signature=[tf.TensorSpec([None, 4, 8])])
    def layer(inputs):
        return fused_ops.dense(inputs, matrix, bias, "gelu")

    concrete = convert_to_constants.convert_variables_to_constants_v2(layer.get_concrete_function())
    graph = concrete.graph.as_graph_def()
    for node in graph.node:
        node.device = "/job:localhost/replica:0/task:0/device:CPU:0"
    exported = tf.compat.v1.train.export_meta_graph(graph_def=graph, graph=concrete.graph)
    exported.collection_def["train_op"].node_list.value.append(concrete.outputs[0].name)
    nodes = tf_optimizer.OptimizeGraph(config_pb2.ConfigProto(), exported).node
    (fused,) = [node for node in nodes if "FusedMatMul" in node.op]
    assert list(fused.attr["fused_ops"].list.s) == [b"BiasAdd", b"GeluApproximate"]
