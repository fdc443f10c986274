"""Parameter counts against built models and the published listing; operations by hand."""

import math

import pytest

from components.modeling.classification import (
    ClassificationModel,
    MultipleChoiceModel,
    RegressionModel,
)
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.cost import (
    Workload,
    encoder_parameters,
    parameters,
    training_cost,
)
from components.modeling.pretraining import PretrainingModel
from components.modeling.question_answering import QuestionAnsweringModel

_BASE = XLNetConfig(
    n_token=32000,
    n_layer=12,
    d_model=768,
    n_head=12,
    d_head=64,
    d_inner=3072,
    ff_activation="gelu",
    untie_r=True,
)


@pytest.mark.parametrize("untie_r", [True, False])
def test_parameters_of_built_models(tiny_config, untie_r):
    config = XLNetConfig(**{**vars(tiny_config), "untie_r": untie_r, "d_head": 5})
    options = ModelOptions()
    for model, workload in (
        (ClassificationModel(config, options, 3), Workload("classification", 1, 8, num_outputs=3)),
        (RegressionModel(config, options), Workload("regression", 1, 8)),
        (
            MultipleChoiceModel(config, options),
            Workload.of_labels("multiple_choice", num_labels=4, batch_size=1, seq_len=8),
        ),
        (QuestionAnsweringModel(config, options), Workload("question_answering", 1, 8)),
        (PretrainingModel(config, options), Workload("pretraining", 1, 8, num_predict=2)),
        (
            PretrainingModel(config, options, tie_weight=False),
            Workload("pretraining", 1, 8, num_predict=2, tie_weight=False),
        ),
    ):
        built = sum(math.prod(variable.shape) for variable in model.trainable_variables)
        assert parameters(config, workload) == built


@pytest.mark.real_data
def test_parameters_of_the_published_checkpoint(data_root):
    lines = (data_root / "xlnet" / "xlnet_base_ckpt_vars.txt").read_text().splitlines()
    total = 0
    for line in lines:
        if line.startswith("model/transformer"):
            shape = line.split("\t")[1].strip("[]")
            total += math.prod(int(size) for size in shape.split(","))
    assert encoder_parameters(_BASE) == total


def test_a_question_costs_as_much_as_its_options_do():
    one = training_cost(_BASE, ModelOptions(), Workload("regression", 8, 128, num_outputs=1))
    four = Workload.of_labels("multiple_choice", num_labels=4, batch_size=2, seq_len=128)
    assert training_cost(_BASE, ModelOptions(), four) == one


def test_operations_of_a_classification_step():
    # By hand, per layer: 4 projections and the feed-forward layer over 1024 tokens, 256 position
    # encodings, three products of 128 x 128 x 64 for 8 x 12 heads.
    layer = 2 * 1024 * (4 * 768**2 + 2 * 768 * 3072) + 2 * 256 * 768**2
    layer += 3 * 2 * 8 * 12 * 128 * 128 * 64
    head = 2 * 8 * (768 * 768 + 768 * 2)
    cost = training_cost(_BASE, ModelOptions(), Workload("classification", 8, 128))
    assert cost.train_flops == 3 * (12 * layer + head)
    # The figure this project was given for the step, rounded.
    assert cost.train_flops == pytest.approx(555e9, rel=0.002)


def test_operations_of_a_pretraining_step():
    options = ModelOptions(mem_len=192, reuse_len=128, bi_data=True)
    cost = training_cost(_BASE, options, Workload("pretraining", 8, 256, num_predict=42))
    assert cost.train_flops == pytest.approx(1573e9, rel=0.02)


def test_memory():
    workload = Workload("classification", 8, 128)
    plain = training_cost(_BASE, ModelOptions(), workload)
    assert plain.weight_bytes == 4 * plain.parameters
    assert plain.optimizer_bytes == 8 * plain.parameters
    narrow = training_cost(_BASE, ModelOptions(compute_dtype="bfloat16"), workload)
    assert narrow.weight_bytes == plain.weight_bytes
    assert narrow.activation_bytes == plain.activation_bytes // 2
    again = training_cost(_BASE, ModelOptions(rematerialize=True), workload)
    assert again.activation_bytes < plain.activation_bytes / 5
    assert again.train_flops * 3 == plain.train_flops * 4


def test_gradients_take_the_place_of_activations():
    def cost(rows, micro_batches=1):
        workload = Workload("classification", rows, 128, micro_batches=micro_batches)
        return training_cost(_BASE, ModelOptions(), workload)

    def counted(of):
        """Without what the layer at hand works with, which is as much as a layer keeps."""
        assert of.working_bytes == of.activation_bytes // 12
        return of.temporary_bytes - of.working_bytes

    # Few rows: the gradients are larger than what they are made of. Many rows: they are smaller.
    few, many = cost(1), cost(64)
    assert few.activation_bytes < few.weight_bytes < many.activation_bytes
    assert counted(few) == pytest.approx(few.weight_bytes, abs=1)
    assert counted(many) == pytest.approx(many.activation_bytes, abs=1)
    # The sum over the micro-batches so far stays while the next one is computed.
    assert counted(cost(64, 2)) == pytest.approx(many.activation_bytes + many.weight_bytes, abs=1)
    assert many.total_bytes == 3 * many.weight_bytes + many.temporary_bytes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("translation", 8, 128), "task"),
        (("classification", 0, 128), "batch_size"),
        (("pretraining", 8, 128), "num_predict"),
    ],
)
def test_bad_workloads(arguments, message):
    with pytest.raises(ValueError, match=message):
        Workload(*arguments)
