"""Broken configurations, each with what the error says: where, what is there, and what is legal."""

import pathlib

import pytest
import yaml

from components.configuration import ConfigurationError
from pipeline import preset_loader

_EXPECTED = yaml.safe_load(
    (pathlib.Path(__file__).parent / "golden" / "broken_configurations.yaml").read_text()
)
# For mistakes in `deployment`, which has no image in the samples.
_IMAGE = "deployment.image=registry.example/x@sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("preset", "change", "message"),
    [
        (preset, change, message)
        for preset, changes in _EXPECTED.items()
        for change, message in changes.items()
    ],
)
def test_the_message_names_the_place_the_value_and_what_is_legal(preset, change, message):
    image = [_IMAGE] if change.startswith("deployment.") else []
    with pytest.raises(ConfigurationError) as raised:
        preset_loader.load(preset, [*image, change])
    assert str(raised.value).removeprefix(preset).lstrip(".: ").startswith(message)
