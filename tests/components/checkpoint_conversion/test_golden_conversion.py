"""Weights of independent implementations, through the converter into our models."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest

from components.checkpoint_conversion import named_checkpoint
from components.checkpoint_conversion.convert import convert
from components.modeling.classification import ClassificationModel
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.encoder import XLNetEncoder
from components.modeling.pretraining import PretrainingModel
from components.modeling.question_answering import QuestionAnsweringModel

pytestmark = pytest.mark.golden

OPTIONS = ModelOptions(dropout=0.0, dropout_att=0.0)


def load(path):
    archive = np.load(path, allow_pickle=False)
    inputs = {key[3:]: archive[key] for key in archive.files if key.startswith("in_")}
    outputs = {key.partition("_")[2]: archive[key] for key in archive.files if key[:3] == "out"}
    # Of the two precisions of Hugging Face cases, float32.
    for key in archive.files:
        if key.startswith("out32_"):
            outputs[key.removeprefix("out32_")] = archive[key]
    return inputs, outputs


def close(actual, expected):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=0, atol=2e-5)


@pytest.fixture(params=["tied_relu", "untied_gelu_new"])
def golden(request, golden_root):
    return golden_root / "model" / "hf" / request.param


@pytest.fixture(params=["", "hf", "published"])
def converted(tiny_models, golden, tmp_path, request):
    """Converts golden weights with a head; gives the folder and its configuration.

    At once, by way of a Hugging Face folder that we write, or of a checkpoint as the published code
    writes one, with the heads of its `get_qa_outputs` at the root.
    """

    def convert_with(head, **options):
        source, target = tmp_path / "hf", tmp_path / "ours"
        fields = json.loads((golden / "config.json").read_text())
        # There, "tied biases" were stored layer by layer, as transformers does.
        tiny_models.write_golden_hugging_face(
            source, golden, head, untie_r=not fields["tied_biases"]
        )
        convert(str(source), str(target), target_format="xlnet", **options)
        config = XLNetConfig.read(str(target / "xlnet_config.json"))
        if request.param:
            first, target = target, tmp_path / "again"
            if request.param == "hf":
                convert(str(first), str(tmp_path / "there"), target_format="hf")
            else:
                _write_as_published(first, tmp_path / "there")
            convert(str(tmp_path / "there"), str(target), target_format="xlnet")
            assert XLNetConfig.read(str(target / "xlnet_config.json")) == config
        return target, config

    return convert_with


def _write_as_published(source, target):
    target.mkdir()
    at_the_root = re.compile("^model/(?=(start_logits|end_logits|answer_class)/)")
    arrays = {
        at_the_root.sub("", name): array
        for name, array in named_checkpoint.read_arrays(str(source)).items()
    }
    named_checkpoint.write_arrays(str(target / "model.ckpt-1"), arrays)
    shutil.copy(source / "xlnet_config.json", target)


def test_encoder(converted, golden):
    folder, config = converted(None)
    assert config.untie_r is (golden.name == "untied_gelu_new")
    encoder = XLNetEncoder(config, OPTIONS)
    named_checkpoint.restore(encoder.variables, str(folder))
    inputs, expected = load(golden / "cases" / "a_encoder.npz")
    output = encoder(
        inputs["input_ids"], segment_ids=inputs["token_type_ids"], input_mask=inputs["input_mask"]
    )
    close(output.hidden, expected["last_hidden_state"])


def test_language_model(converted, golden):
    folder, config = converted("XLNetLMHeadModel")
    model = PretrainingModel(config, OPTIONS)
    named_checkpoint.restore(model.variables, str(folder))
    inputs, expected = load(golden / "cases" / "c_two_stream_lm.npz")
    features = {
        "input_k": inputs["input_ids"],
        "seg_id": inputs["token_type_ids"],
        **{name: inputs[name] for name in ("input_mask", "perm_mask", "target_mapping")},
    }
    close(model(features)["logits"], expected["logits"])


def test_classification(converted, golden):
    folder, config = converted("XLNetForSequenceClassification", task_name="MNLI")
    model = ClassificationModel(config, OPTIONS, 3, task_name="MNLI")
    named_checkpoint.restore(model.variables, str(folder))
    inputs, expected = load(golden / "cases" / "d_classification.npz")
    features = inputs | {"segment_ids": inputs["token_type_ids"]}
    close(model(features), expected["logits"])


def test_spans(converted, golden):
    folder, config = converted("XLNetForQuestionAnswering")
    model = QuestionAnsweringModel(config, OPTIONS, start_n_top=5, end_n_top=4)
    named_checkpoint.restore(model.variables, str(folder))
    inputs, expected = load(golden / "cases" / "e_qa_beam.npz")
    outputs = model(inputs | {"segment_ids": inputs["token_type_ids"]})
    close(outputs["cls_logits"], expected["cls_logits"])
    # What Hugging Face calls log_probs are probabilities; it lays ends out end after end.
    close(np.exp(outputs["start_top_log_probs"]), expected["start_top_log_probs"])
    ends = expected["end_top_log_probs"].reshape(-1, 4, 5).transpose(0, 2, 1).reshape(-1, 20)
    close(np.exp(outputs["end_top_log_probs"]), ends)


@pytest.mark.parametrize("by_way_of", [None, "hf"])
def test_the_published_graphs_checkpoint(golden_root, tmp_path, by_way_of):
    source = golden_root / "model" / "tf1" / "pretrain_v200"
    steps = [source, tmp_path / "ours"]
    if by_way_of:
        steps.insert(1, tmp_path / by_way_of)
        convert(str(source), str(steps[1]), target_format="hf")
    convert(str(steps[-2]), str(steps[-1]), target_format="xlnet")
    archive = np.load(source / "weights.npz", allow_pickle=False)
    expected = {name.replace("|", "/"): archive[name] for name in archive.files}
    expected.pop("global_step", None)
    found = named_checkpoint.read_arrays(str(tmp_path / "ours"))
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)

    config = XLNetConfig.read(str(tmp_path / "ours" / "xlnet_config.json"))
    model = PretrainingModel(config, dataclasses.replace(OPTIONS, bi_data=True))
    named_checkpoint.restore(model.variables, str(tmp_path / "ours"))
    inputs, outputs = load(source / "cases" / "lm_bi_nomems.npz")
    result = model({name: value for name, value in inputs.items() if name != "mems"})
    close(result["hidden"], outputs["output_g"].swapaxes(0, 1))
