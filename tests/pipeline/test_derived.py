"""What a configuration may leave out, and where `show` says that it comes from."""

import pytest
import yaml

from components.configuration import ConfigurationError
from pipeline import cli, preset_loader


@pytest.fixture
def write(tmp_path):
    """Writes a configuration without labels, splits and sizes, with changes in the data set."""

    def write_(rows, **changes):
        (tmp_path / "data.csv").write_text("text,team\n" + "".join(f"{row}\n" for row in rows))
        dataset = {
            "name": "mine",
            "file_format": "csv",
            "header": True,
            "columns": {"text_a": "text", "label": "team"},
            "splits": {"all": {"pattern": "data.csv"}},
        }
        document = {
            "extends": ["base", "sizes/tiny"],
            "kind": "classification",
            "name": "mine",
            "data": {"root": str(tmp_path), "dataset": dataset | changes},
            "vocabulary": {"size": 200},
            "seq_len": 32,
            "training": {"batch_size": 12, "train_steps": 10, "learning_rate": 0.001},
            "evaluation": {"thresholds": {"accuracy": {"minimum": 0.5}}},
            "run": {"output_root": str(tmp_path / "out")},
        }
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(document))
        return str(path)

    return write_


def _rows(labels, number=60):
    return [f"text number {n},{labels[n % len(labels)]}" for n in range(number)]


def test_labels_split_and_sizes_follow_from_the_data(write, capsys):
    path = write([*_rows(["sales", "help", "billing"]), "a row without a team,"])
    config = preset_loader.load(path)
    assert config.data.dataset.labels == ("billing", "help", "sales")
    assert config.data.dataset.hash_split == {"train": 9, "eval": 1}
    assert config.training.eval_batch_size == 12
    assert cli.main(["show", path]) == 0
    shown = capsys.readouterr().out
    assert "data.dataset.labels: ['billing', 'help', 'sales'] (from the training split" in shown
    assert "training.eval_batch_size: 12 (from training.batch_size)" in shown
    assert "data.dataset.hash_split: {train: 9, eval: 1}" in shown
    assert "model.n_token: 200 or fewer (from the vocabulary to be trained)" in shown
    # What is shown is a whole configuration, which no longer depends on the data.
    resolved = yaml.safe_load(shown)
    assert resolved["data"]["dataset"]["labels"] == ["billing", "help", "sales"]
    assert yaml.safe_load(preset_loader.to_yaml(config)) == resolved


def test_numbers_as_labels_have_the_order_of_numbers(write):
    config = preset_loader.load(write(_rows(["10", "9", "2"])))
    assert config.data.dataset.labels == ("2", "9", "10")


def test_only_the_training_split_counts(write, tmp_path):
    (tmp_path / "more.csv").write_text("text,team\na text,unseen\nother text,unseen\n")
    splits = {"train": {"pattern": "data.csv"}, "eval": {"pattern": "more.csv"}}
    config = preset_loader.load(write(_rows(["a", "b"]), splits=splits))
    assert config.data.dataset.labels == ("a", "b")
    assert config.data.dataset.hash_split is None


@pytest.mark.parametrize(
    ("rows", "changes", "expected"),
    [
        (_rows(["spam"]), {}, r"'spam', which is nothing to learn\. Or list them"),
        (_rows([f"x{n}" for n in range(60)]), {}, r"different values in \d+ rows, which look like"),
        (_rows(["0.5", "1.5", "3.25"]), {}, r"give label_range: \[0\.5, 3\.25\]"),
        (_rows(["a", "b"]), {"columns": {"text_a": "text", "label": "group"}}, "no column 'group'"),
        (_rows(["a", "b"]), {"splits": {"all": {"pattern": "none.csv"}}}, "none.csv"),
        (_rows(["a", "b"]), {"splits": {"eval": {"pattern": "data.csv"}}}, "no split 'train'"),
    ],
)
def test_what_cannot_be_derived_is_said(write, rows, changes, expected):
    with pytest.raises(ConfigurationError, match=expected):
        preset_loader.load(write(rows, **changes))
