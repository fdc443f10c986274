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
