import dataclasses
import logging

import pytest

from components.checkpoint_conversion import description
from components.checkpoint_conversion.description import Description
from components.checkpoint_conversion.errors import WeightsError
from components.manifest import ManifestError
from components.trainer import initial_weights
from components.trainer.initial_weights import InitialWeightsError

LOGGER = "components.trainer.initial_weights"


@pytest.fixture
def folder(tmp_path):
    description.write(str(tmp_path), Description("a" * 64))
    return str(tmp_path)


def test_the_vocabulary_that_weights_belong_to_is_taken(folder):
    initial_weights.check_vocabulary(None, "b" * 64, whose="this")
    initial_weights.check_vocabulary(folder, "a" * 64, whose="this")


@pytest.mark.parametrize("name", ["", "model.ckpt-7", "model.ckpt-7.index"])
def test_another_one_is_refused(folder, tmp_path, name):
    init_from = folder
    if name:
        (tmp_path / "model.ckpt-7.index").write_bytes(b"")
        init_from = str(tmp_path / name)
    with pytest.raises(ManifestError, match=r"this has another vocabulary .sha256 b{64}. .*a{64}"):
        initial_weights.check_vocabulary(init_from, "b" * 64, whose="this")


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        ("config.json", "{}", "is a Hugging Face folder: `xlnet-pipeline convert"),
        ("model_run/xlnet_model.ckpt.index", "", r"no TensorFlow checkpoint \(\*\.index\)\.$"),
        ("xlnet/xlnet_model.ckpt.index", "", "weights of this run are in .*/xlnet"),
        ("artifacts/Trainer/model_run/12/xlnet/xlnet_model.ckpt.index", "", "in .*/12/xlnet"),
        ("saved_model.pb", "", "is an exported model"),
        (
            "xlnet_model.ckpt.index",
            "version https://git-lfs.github.com/spec/v1",
            r"xlnet_model.ckpt.index: This is a Git LFS pointer",
        ),
    ],
)
def test_a_folder_without_a_checkpoint_is_refused_with_advice(tmp_path, name, content, advice):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    with pytest.raises(InitialWeightsError, match=advice):
        initial_weights.check_checkpoint(str(tmp_path))


def test_a_path_with_nothing_is_no_folder_of_weights(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere' \(init_from\)"):
        initial_weights.check_checkpoint(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("name", ["", "model.ckpt-7", "model.ckpt-7.index"])
def test_a_checkpoint_is_taken_however_it_is_named(tmp_path, name):
    (tmp_path / "model.ckpt-7.index").write_bytes(b"")
    (tmp_path / "config.json").write_text("{}")
    initial_weights.check_checkpoint(str(tmp_path / name))


def test_texts_of_another_case_or_with_accents_are_refused(folder):
    def check(init_from=folder, *, uncased=False, keep_accents=False):
        initial_weights.check_normalization(init_from, uncased=uncased, keep_accents=keep_accents)

    check(None)
    check(uncased=True)  # the weights do not say it
    description.write(folder, Description("a" * 64, uncased=True))
    check(uncased=True, keep_accents=True)
    with pytest.raises(ManifestError, match=r": uncased is false here and true there\. "):
        check()
    description.write(folder, Description("a" * 64, uncased=True, keep_accents=False))
    with pytest.raises(ManifestError, match=r"uncased is .* and keep_accents is true here and fa"):
        check(keep_accents=True)


def test_a_head_of_other_labels_is_refused(folder):
    def check(*labels):
        initial_weights.check_labels(folder, labels, head="classification_mood")

    check("pos", "neg")  # the weights do not say it
    description.write(folder, Description(None, ("neg", "pos")))
    check("neg", "pos")
    with pytest.raises(InitialWeightsError, match=r"labels neg, pos, .* pos, neg"):
        check("pos", "neg")


def test_weights_that_name_no_vocabulary_are_taken_and_it_is_said(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, LOGGER):
        initial_weights.check_vocabulary(str(tmp_path), "b" * 64, whose="this")
    assert "does not say which vocabulary" in caplog.text


def test_a_damaged_description_is_named(folder, tmp_path):
    (tmp_path / description.FILE_NAME).write_text("{")
    with pytest.raises(WeightsError, match=description.FILE_NAME):
        initial_weights.check_vocabulary(folder, "a" * 64, whose="this")


def test_the_same_network_is_taken_in_silence(folder, tmp_path, tiny_model, caplog):
    initial_weights.check_network(None, tiny_model)
    initial_weights.check_network(folder, tiny_model)  # nothing is said of it there
    tiny_model.write(str(tmp_path / "xlnet_config.json"))
    with caplog.at_level(logging.WARNING, LOGGER):
        initial_weights.check_network(folder, tiny_model)
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_layer", 3), ("d_inner", 64), ("untie_r", False), ("ff_activation", "relu")],
)
def test_another_network_is_refused(folder, tmp_path, tiny_model, name, value):
    other = dataclasses.replace(tiny_model, **{name: value})
    other.write(str(tmp_path / "xlnet_config.json"))
    with pytest.raises(InitialWeightsError, match=f"model.{name} is .* here and {value!r} there"):
        initial_weights.check_network(folder, tiny_model)


def test_added_tokens_come_with_advice(folder, tmp_path, tiny_model):
    more = dataclasses.replace(tiny_model, n_token=tiny_model.n_token + 5)
    more.write(str(tmp_path / "xlnet_config.json"))
    with pytest.raises(InitialWeightsError, match="--fit-vocabulary"):
        initial_weights.check_network(folder, tiny_model)


@pytest.mark.parametrize(
    ("name", "value"), [("ff_activation", "gelu_erf"), ("summary_type", "mean")]
)
def test_what_can_go_on_with_other_weights_is_said(
    folder, tmp_path, tiny_model, caplog, name, value
):
    dataclasses.replace(tiny_model, **{name: value}).write(str(tmp_path / "xlnet_config.json"))
    with caplog.at_level(logging.WARNING, LOGGER):
        initial_weights.check_network(folder, tiny_model)
    assert f"model.{name}" in caplog.text
    assert f"written with {value}" in caplog.text


def test_a_damaged_configuration_is_named(folder, tmp_path, tiny_model):
    (tmp_path / "xlnet_config.json").write_text("{")
    with pytest.raises(ValueError, match=r"xlnet_config\.json"):
        initial_weights.check_network(folder, tiny_model)
