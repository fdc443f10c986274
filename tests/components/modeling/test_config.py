"""Configurations: the published file, round trips, and errors that say what is wrong."""

import dataclasses
import json
import subprocess
import sys

import pytest

from components import configuration
from components.configuration import ConfigurationError
from components.modeling.config import ModelOptions, XLNetConfig


@pytest.mark.real_data
def test_reads_the_published_file(data_root):
    path = data_root / "xlnet" / "xlnet_config_base.json"
    config = XLNetConfig.read(str(path))
    assert config.to_published() == json.loads(path.read_text())
    assert (config.ff_activation, config.summary_type) == ("gelu", "last")
    assert json.loads(config.to_json()) == json.loads(path.read_text())


def test_round_trip(tmp_path, tiny_config):
    path = str(tmp_path / "model" / "xlnet_config.json")
    tiny_config.write(path)
    assert XLNetConfig.read(path) == tiny_config
    other = dataclasses.replace(tiny_config, ff_activation="gelu_erf", summary_type="mean")
    other.write(path)
    assert XLNetConfig.read(path) == other


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[1]", "should be a mapping"),
        ('{"n_layer": 2}', "lacks d_head, d_inner, d_model"),
        ("[" * 100_000, "not valid JSON"),
        ('{"n_layer": ' + "9" * 5000 + "}", "not valid JSON: an integer of 5,000 digits"),
    ],
)
def test_bad_files_are_named(tmp_path, text, message):
    path = tmp_path / "xlnet_config.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        XLNetConfig.read(str(path))
    assert str(path) in str(error.value)


def test_unknown_fields_are_named(tiny_config, tmp_path):
    path = tmp_path / "xlnet_config.json"
    path.write_text(json.dumps(dataclasses.asdict(tiny_config) | {"n_layers": 3}))
    with pytest.raises(ConfigurationError, match=r"no key 'n_layers'\. Did you mean 'n_layer'"):
        XLNetConfig.read(str(path))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n_layer", 0),
        ("n_head", 2.0),
        ("d_inner", True),
        ("d_model", 15),
        ("n_layer", 10_000),
        ("n_token", 1 << 40),
        ("summary_type", "attn"),
        ("ff_activation", "swish"),
        ("untie_r", "yes"),
    ],
)
def test_illegal_networks(tiny_config, field, value):
    with pytest.raises(ConfigurationError, match=field):
        configuration.build(XLNetConfig, dataclasses.asdict(tiny_config) | {field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dropout", 1.0),
        ("dropout_att", -0.1),
        ("init_method", "xavier"),
        ("init_std", 0),
        ("mem_len", -1),
        ("clamp_len", 0),
        ("bi_data", 1),
        ("attn_type", "both"),
        ("compute_dtype", "float16"),
        ("embedding_lookup", "hash"),
        ("program", "tpu"),
        ("init_seed", 1 << 31),
    ],
)
def test_illegal_options(field, value):
    with pytest.raises(ConfigurationError, match=field):
        configuration.build(ModelOptions, {field: value})


def test_imports_no_tensorflow():
    code = (
        "import sys, components.modeling.config, components.modeling.cost; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
