"""What can be known of the weights to start from before anything runs."""

import dataclasses

import pytest

from components import files
from components.checkpoint_conversion import description
from components.checkpoint_conversion.description import Description
from components.manifest import ManifestError
from components.trainer.initial_weights import InitialWeightsError
from pipeline import preset_loader


@pytest.fixture
def weights(tmp_path):
    """A folder that says of which vocabulary and network its weights are."""
    folder = tmp_path / "weights"
    folder.mkdir()
    (tmp_path / "mine.model").write_bytes(b"mine")
    description.write(str(folder), Description(files.sha256(b"mine")))
    model = preset_loader.load("sample", []).model
    model.write(str(folder / "xlnet_config.json"))
    return folder, model


@pytest.fixture
def check(weights, tmp_path):
    def check_with(*settings, vocabulary="mine.model"):
        path = tmp_path / vocabulary
        vocabulary_setting = f"vocabulary={{model: '{path}', size: null}}"
        preset_loader.load(
            "sample", [vocabulary_setting, f"init_from={weights[0]}", *settings]
        ).check_inputs()

    return check_with


def test_weights_that_belong_to_it_are_taken(check):
    check()


def test_another_vocabulary_of_the_same_size_is_refused(check, tmp_path):
    (tmp_path / "other.model").write_bytes(b"else")
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
    assert preset_loader.load("sample", settings).model == exact
