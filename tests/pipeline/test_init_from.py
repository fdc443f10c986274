"""What can be known of the weights to start from before anything runs."""

import dataclasses

import pytest

from components.checkpoint_conversion import description
from components.checkpoint_conversion.description import Description
from components.manifest import ManifestError
from components.tokenization import train_sentencepiece
from components.trainer.initial_weights import InitialWeightsError
from pipeline import preset_loader

SIZE = 30
TEXTS = ["the cat that sat on the hat", "to see the sea is not as neat"] * 20
OTHER_TEXTS = [text[::-1] for text in TEXTS]


def vocabulary_setting(path):
    return f"vocabulary={{model: '{path}', size: null}}"


@pytest.fixture
def weights(tmp_path):
    """A folder that says of which vocabulary and network its weights are."""
    folder = tmp_path / "weights"
    folder.mkdir()
    vocabulary = train_sentencepiece.train(TEXTS, vocabulary_size=SIZE)
    (tmp_path / "mine.model").write_bytes(vocabulary.model)
    description.write(str(folder), Description(vocabulary.sha256))
    model = preset_loader.load(
        "sample", [vocabulary_setting(tmp_path / "mine.model")]
    ).sized_model()
    model.write(str(folder / "xlnet_config.json"))
    (folder / "xlnet_model.ckpt.index").write_bytes(b"")
    return folder, model


@pytest.fixture
def check(weights, tmp_path):
    def check_with(*settings, vocabulary="mine.model"):
        path = tmp_path / vocabulary
        preset_loader.load(
            "sample", [vocabulary_setting(path), f"init_from={weights[0]}", *settings]
        ).check_inputs()

    return check_with


def test_weights_that_belong_to_it_are_taken(check):
    check()


def test_without_a_checkpoint_nothing_runs(check, weights, tmp_path):
    (weights[0] / "xlnet_model.ckpt.index").unlink()
    with pytest.raises(InitialWeightsError, match=r"weights, where there is no TensorFlow check"):
        check()
    with pytest.raises(FileNotFoundError, match=r"nowhere' \(init_from\)"):
        check(f"init_from={tmp_path / 'nowhere'}")


@pytest.mark.parametrize("name", ["xlnet_model.ckpt", "xlnet_model.ckpt.index"])
def test_a_prefix_is_checked_like_its_folder(check, weights, name):
    check(f"init_from={weights[0] / name}")
    with pytest.raises(InitialWeightsError, match="d_inner is"):
        check(f"init_from={weights[0] / name}", "model.d_inner=256")


def test_texts_of_another_case_are_refused(check, weights):
    folder, _ = weights
    known = description.read(str(folder))
    description.write(str(folder), dataclasses.replace(known, uncased=True, keep_accents=False))
    with pytest.raises(ManifestError, match="uncased is false here and true there"):
        check()
    cased = "vocabulary={model: '%s', size: null, uncased: true}"
    check(cased % (folder.parent / "mine.model"))


def test_another_vocabulary_of_the_same_size_is_refused(check, tmp_path):
    other = train_sentencepiece.train(OTHER_TEXTS, vocabulary_size=SIZE)
    (tmp_path / "other.model").write_bytes(other.model)
    with pytest.raises(ManifestError, match=r"other\.model has another vocabulary"):
        check(vocabulary="other.model")


@pytest.mark.parametrize("setting", ["model.d_inner=256", "model.ff_activation=relu"])
def test_another_network_is_refused(check, setting):
    name = setting.partition("=")[0]
    with pytest.raises(InitialWeightsError, match=f"{name} is"):
        check(setting)


def test_the_activation_and_the_summary_can_be_said(check, weights):
    folder, model = weights
    exact = dataclasses.replace(model, ff_activation="gelu_erf", summary_type="mean")
    exact.write(str(folder / "xlnet_config.json"))
    settings = ["model.ff_activation=gelu_erf", "model.summary_type=mean"]
    check(*settings)
    said = preset_loader.load("sample", settings).model
    assert dataclasses.replace(said, n_token=SIZE) == exact
