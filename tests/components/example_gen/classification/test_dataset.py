"""Descriptions of data sets: what is refused, and the way through YAML and JSON."""

import pytest
import yaml

from components import configuration
from components.example_gen.classification.dataset import Columns, DatasetError, Split, TextDataset
from components.example_gen.classification.tasks import TASKS, UnknownTaskError, get_task

_OWN = """
name: mine
file_format: csv
header: true
columns: {text_a: review, label: stars}
labels: [1, 2]
splits:
  train: {pattern: "train-*.csv.gz"}
  eval: {pattern: dev.csv}
  test: {pattern: test.csv, columns: {text_a: review, guid: id}, required: false}
"""


def _build(**changes):
    values = {
        "name": "mine",
        "file_format": "tsv",
        "columns": Columns(text_a=0, label=1),
        "labels": ("a", "b"),
        "splits": {"train": Split("train.tsv")},
        **changes,
    }
    return TextDataset(**values)


def test_a_users_data_set_is_configuration_only():
    dataset = configuration.build(TextDataset, yaml.safe_load(_OWN))
    assert dataset == TextDataset(
        name="mine",
        file_format="csv",
        header=True,
        columns=Columns(text_a="review", label="stars"),
        labels=("1", "2"),
        metrics=("accuracy",),
        delimiter=",",
        splits={
            "train": Split("train-*.csv.gz"),
            "eval": Split("dev.csv"),
            "test": Split("test.csv", columns=Columns("review", guid="id"), required=False),
        },
    )
    assert not dataset.is_pair
    assert dataset.columns_of("train").label == "stars"
    assert dataset.columns_of("test").label is None


@pytest.mark.parametrize("name", sorted(TASKS))
def test_built_in_data_sets_survive_json(name):
    dataset = TASKS[name]
    assert configuration.from_json(TextDataset, configuration.to_json(dataset)) == dataset


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ()}, "either labels"),
        ({"label_range": (0, 5)}, "either labels"),
        ({"labels": (), "label_range": (5, 0)}, "smallest, largest"),
        ({"labels": ("a", "b", "a")}, "twice"),
        ({"labels": ("a",)}, "nothing to learn"),
        ({"columns": None}, "'train' lacks columns"),
        ({"columns": Columns("text", label="label")}, "have no header"),
        ({"file_format": "jsonl"}, "names, not positions"),
        ({"file_format": "folders"}, "no columns"),
        ({"delimiter": ", "}, "one ASCII character"),
        ({"delimiter": "\n"}, "one ASCII character"),
        ({"splits": {}}, "no splits"),
        (
            {"metrics": ("acuracy",)},
            "metrics names acuracy; those of 2 labels are accuracy, f1",
        ),
        (
            {"metrics": ("f1",), "labels": ("a", "b", "c")},
            "metrics names f1; those of 3 labels are accuracy, matthews_correlation",
        ),
        ({"metrics": ("accuracy", "accuracy")}, "names one twice"),
        (
            {"metrics": ("f1",), "labels": (), "label_range": (0, 5)},
            "those of regression are pearson_correlation, spearman_correlation",
        ),
        ({"splits": {"my split": Split("a")}}, "'my split'"),
        ({"hash_split": {"train": 0, "eval": 1}}, "positive"),
        (
            {
                "splits": {"train": Split("a"), "eval": Split("b")},
                "hash_split": {"train": 9, "eval": 1},
            },
            "one set of files",
        ),
        (
            {"splits": {"train": Split("a"), "eval": Split("b", columns=Columns(0, 1, 2))}},
            "some splits have pairs",
        ),
    ],
)
def test_contradictions_are_named(changes, message):
    with pytest.raises(DatasetError, match=message):
        _build(**changes)


def test_yaml_booleans_are_no_labels():
    with pytest.raises(configuration.ConfigurationError, match=r"labels\[0\]"):
        configuration.build(TextDataset, yaml.safe_load(_OWN.replace("[1, 2]", "[yes, no]")))


def test_chosen_splits_are_required():
    dataset = get_task("mnli_matched").with_splits(["eval", "test"])
    assert list(dataset.splits) == ["eval", "test"]
    assert dataset.splits["test"].required
    with pytest.raises(DatasetError, match="'dev'"):
        dataset.with_splits(["dev"])


def test_unknown_task_lists_the_names():
    with pytest.raises(UnknownTaskError, match=r"Did you mean 'sst-2'\?.*ax, cola"):
        get_task("SST2")


def test_regression_has_both_correlations():
    dataset = _build(labels=(), label_range=(0.0, 1.0))
    assert dataset.is_regression
    assert dataset.metrics == ("pearson_correlation", "spearman_correlation")
