"""The command; what it converts is tested with the library."""

import json

import numpy as np
import pytest
import yaml

from components.checkpoint_conversion import named_checkpoint
from components.checkpoint_conversion.heads import Heads, published_shapes
from components.modeling.config import XLNetConfig
from pipeline import cli


@pytest.fixture
def source(tmp_path):
    config = XLNetConfig(
        n_token=10,
        n_layer=1,
        d_model=4,
        n_head=2,
        d_head=2,
        d_inner=3,
        ff_activation="gelu",
        untie_r=True,
    )
    folder = tmp_path / "source"
    folder.mkdir()
    shapes = published_shapes(config, Heads(language_model=True))
    arrays = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    named_checkpoint.write_arrays(str(folder), arrays)
    config.write(str(folder / "xlnet_config.json"))
    return folder


def test_says_what_it_converted(source, tmp_path, capsys):
    target = tmp_path / "hf"
    arguments = ["convert", "--from", "tf1", str(source), "--to", "hf", str(target)]
    assert cli.main(arguments) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert rows["variables"] == "20"
    # Embeddings 40, mask 4, LM bias 10, three biases and segments 4 · (1 + 1 + 1 + 2) = 20,
    # projections 5 · 16, layer norms 2 · 8, feed-forward 12 + 3 + 12 + 4.
    assert rows["parameters"] == str(40 + 4 + 10 + 20 + 80 + 16 + 31)
    assert rows["heads"] == "language model (tied weights)"
    assert json.loads((target / "config.json").read_text())["vocab_size"] == 10
    assert cli.main(arguments) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert cli.main([*arguments, "--overwrite"]) == 0


def test_an_export_has_a_model_card_or_the_one_that_is_given(source, tmp_path, capsys):
    target = tmp_path / "hf"
    arguments = ["convert", str(source), str(target), "--to", "hf"]
    assert cli.main(arguments) == 0
    _, head, text = (target / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(head)["library_name"] == "transformers"
    assert "Heads: language model (tied weights)." in text
    assert r"| n\_layer | 1 |" in text
    # No path of the machine that converted it.
    assert str(tmp_path) not in text
    (tmp_path / "card.md").write_text("mine")
    assert cli.main([*arguments, "--overwrite", "--card", str(tmp_path / "card.md")]) == 0
    assert (target / "README.md").read_text() == "mine"
    card = "---\nlibrary_name: tensorflow\ntags:\n- xlnet\n---\n\n# Mine\n\n---\n"
    (tmp_path / "card.md").write_text(card)
    assert cli.main([*arguments, "--overwrite", "--card", str(tmp_path / "card.md")]) == 0
    expected = card.replace("tensorflow", "transformers")
    assert (target / "README.md").read_text() == expected
    assert cli.main([*arguments, "--overwrite", "--card", str(tmp_path / "nowhere.md")]) == 1
    assert "nowhere.md" in capsys.readouterr().err


def test_an_error_is_one_message(tmp_path, capsys):
    assert cli.main(["convert", str(tmp_path), str(tmp_path / "out"), "--to", "xlnet"]) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path} holds no weights")
