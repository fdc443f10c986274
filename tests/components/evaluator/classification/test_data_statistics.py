"""Statistics and anomalies of real TFDV files, as StatisticsGen and ExampleValidator leave them."""

import json

import pandas as pd
import pytest
import tensorflow_data_validation as tfdv

from components import manifest
from components.evaluator import counts_table
from components.evaluator.classification import data_statistics

LABELS = ["no", "yes"]
TRAIN = pd.DataFrame(
    {
        "text_a": [f"text {number % 7}" for number in range(10)],
        "text_b": ["b"] * 10,
        "label": ["no"] * 6 + ["yes"] * 4,
    }
)
# Two rows lack the second text, one has a label that training never saw; no text was seen either.
EVAL = pd.DataFrame(
    {
        "text_a": [f"other {number}" for number in range(4)],
        "text_b": ["b", "b", None, None],
        "label": ["no", "no", "yes", "maybe"],
    }
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("data")
    statistics = {
        split: tfdv.generate_statistics_from_dataframe(frame)
        for split, frame in (("train", TRAIN), ("eval", EVAL))
    }
    # As the pipeline's SchemaGen does.
    schema = tfdv.infer_schema(statistics["train"], infer_feature_shape=False)
    for split, found in statistics.items():
        for name, file_name, message in (
            ("statistics", "FeatureStats.pb", found),
            ("anomalies", "SchemaDiff.pb", tfdv.validate_statistics(found, schema)),
        ):
            directory = root / name / f"Split-{split}"
            directory.mkdir(parents=True)
            (directory / file_name).write_bytes(message.SerializeToString())
    (root / "examples").mkdir()
    rows = {"produced": 10, "blank": 1, "dead": {"too few columns": 2}, "read": 13}
    (root / "examples" / "counts.json").write_text(json.dumps({"eval": rows, "train": rows}))
    manifest.Manifest(
        record_type="classification",
        parameters={"seq_len": 8, "labels": LABELS},
        vocabulary_sha256="0" * 64,
        shards={"eval": [], "train": []},
        counts={
            "train/labels/no": 6,
            "train/labels/yes": 4,
            "train/unknown_labels": 0,
            "eval/labels/no": 2,
            "eval/labels/yes": 1,
            "eval/unknown_labels": 1,
            "train/cut": 1,
            "train/tokens": 40,
            "train/unknown_tokens": 4,
            "train/lengths/00004": 9,
            "train/lengths/longer": 1,
            "train/records": 10,
            "records_of/train/one": 10,
        },
    ).write(str(root / "records"))
    return {name: str(root / name) for name in ("examples", "records", "statistics", "anomalies")}


def tables(report) -> dict[str, list[tuple]]:
    return {table.title: [tuple(row) for row in table.rows] for table in report.tables}


def test_what_is_counted_is_shown_split_by_split(folders):
    report = data_statistics.read(**folders, labels=LABELS)
    found = tables(report)
    assert found["Rows of the input files"] == [
        ("train", "13", "10", "1", "2 too few columns"),
        ("eval", "13", "10", "1", "2 too few columns"),
    ]
    values = found["Values of the raw examples"]
    assert ("text_a", "train", "0", "7") in [row[:4] for row in values]
    assert ("text_b", "eval", "2 (50.0 %)", "1", "b (2 times)") in values
    assert ("text_a", "eval", "0", "4", "–") in values
    assert found["Labels"] == [
        ("no", "6 (60.0 %)", "2 (66.7 %)"),
        ("yes", "4 (40.0 %)", "1 (33.3 %)"),
        ("no known label", "0", "1"),
    ]
    (labels,) = (table for table in report.tables if table.title == "Labels")
    assert "“no” differs most, by 6.7 percentage points" in labels.note
    assert found["Length in tokens"] == [("train", "10", "≤ 4", "> 16", "1 (10.0 %)", "4 (10.0 %)")]
    assert list(report.lengths) == ["train"]


def test_anomalies_name_split_and_feature_and_leave_out_that_texts_are_new(folders):
    report = data_statistics.read(**folders, labels=LABELS)
    label, second_text = sorted(report.anomalies)
    assert label.startswith("eval, label: Unexpected string values.")
    assert "maybe" in label
    assert second_text.startswith("eval, text_b: Column dropped.")
    # Labels of a regression are numbers, of which each may be new.
    regression = data_statistics.read(**folders, labels=None)
    assert regression.anomalies == [second_text]
    assert "Labels" not in tables(regression)


def test_what_is_not_there_is_left_out(tmp_path):
    report = data_statistics.read(examples=str(tmp_path), labels=LABELS)
    assert (list(report.tables), dict(report.lengths), report.anomalies) == ([], {}, None)


def test_counts_of_a_manifest_become_a_column_for_each_split(folders):
    table = counts_table.make(manifest.read(folders["records"]))
    assert table.header == ("counted", "train", "eval")
    assert ("labels: no", "6", "2") in table.rows
    assert ("cut", "1", "–") in table.rows
    assert not any("one" in row[0] for row in table.rows)
