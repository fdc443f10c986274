"""Records against the reference's, id for id, and through tensorflow-transform."""

import gzip
import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from components import configuration
from components.preprocessing.classification import preprocessing
from components.tokenization import train_sentencepiece, vocabulary
from components.tokenization.graph_tokenizer import GraphTokenizer

# Files and their numbers of rows.
GOLDEN = {
    "mnli_matched.len-128": 1000,
    "mnli_matched.len-24.uncased": 1000,
    "rte.len-24": 277,
    "sst-2.len-64": 872,
    "sts-b.len-128": 1500,
}
TOKENS = ("input_ids", "input_mask", "segment_ids")


@pytest.fixture(scope="module")
def spiece_model(data_root):
    return str(data_root / "xlnet" / "spiece.model")


def _read_golden(golden_root, name):
    with gzip.open(golden_root / "classification" / f"{name}.jsonl.gz", "rt") as lines:
        header, *rows = map(json.loads, lines)
    config = {
        "seq_len": header["max_seq_length"],
        "uncased": header["uncased"],
        "labels": header["labels"] or [],
        "regression": header["labels"] is None,
    }
    return config, rows


def _assert_as_golden(found, rows, *, regression, ties=frozenset()):
    tied = 0
    for index, row in enumerate(rows):
        record = {name: value[index] for name, value in found.items()}
        if row["order"] in ties and record["input_ids"].tolist() != row["input_ids"]:
            tied += 1
            continue
        for name in TOKENS:
            assert record[name].tolist() == row[name], (name, row["guid"])
        label = np.float32(row["label_id"]) if regression else row["label_id"]
        assert record["label_ids"] == label
        assert record["is_real_example"] == 1
    assert tied == len(ties)


@pytest.mark.golden
@pytest.mark.real_data
@pytest.mark.parametrize("name", GOLDEN)
def test_records_as_the_reference(golden_root, spiece_model, name):
    config, rows = _read_golden(golden_root, name)
    assert len(rows) == GOLDEN[name]
    config = configuration.build(
        preprocessing.PreprocessingConfig, {"sentencepiece_model": spiece_model, **config}
    )
    tokenizer = GraphTokenizer(vocabulary.load(spiece_model), uncased=config.uncased)
    make_records = tf.function(lambda inputs: preprocessing.make_records(inputs, config, tokenizer))
    inputs = {
        "text_a": tf.constant([row["text_a"] for row in rows]),
        "label": tf.constant([str(row["label"]) for row in rows]),
    }
    if rows[0]["text_b"] is not None:
        inputs["text_b"] = tf.constant([row["text_b"] for row in rows])
    found = {key: value.numpy() for key, value in make_records(inputs).items()}
    all_ties = json.loads((golden_root / "ties.json").read_text())["classification"]
    ties = frozenset(all_ties.get(f"{name}.jsonl.gz", ()))
    _assert_as_golden(found, rows, regression=config.regression, ties=ties)


@pytest.mark.golden
@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore")
def test_through_tensorflow_transform(golden_root, spiece_model, tmp_path):
    config, rows = _read_golden(golden_root, "mnli_matched.len-24.uncased")
    rows = rows[:200]
    config["sentencepiece_model"] = spiece_model
    raw_spec = {name: tf.io.VarLenFeature(tf.string) for name in ("text_a", "text_b", "label")}
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(raw_spec))
    data = [{name: [row[name].encode()] for name in raw_spec} for row in rows]
    with tft_beam.Context(temp_dir=str(tmp_path / "temp")):
        (transformed, _), transform_fn = (
            data,
            metadata,
        ) | tft_beam.AnalyzeAndTransformDataset(
            lambda inputs: preprocessing.preprocessing_fn(inputs, config)
        )
        transform_fn | tft_beam.WriteTransformFn(str(tmp_path / "graph"))
    by_beam = {name: np.array([record[name] for record in transformed]) for name in transformed[0]}
    _assert_as_golden(by_beam, rows, regression=False)

    output = tft.TFTransformOutput(str(tmp_path / "graph"))
    layer = output.transform_features_layer()
    by_layer = layer(
        {name: tf.sparse.from_dense([[row[name]] for row in rows]) for name in raw_spec}
    )
    _assert_as_golden(
        {name: value.numpy() for name, value in by_layer.items()}, rows, regression=False
    )


@pytest.fixture(scope="module")
def small_model(tmp_path_factory):
    trained = train_sentencepiece.train(["a dog and a cat"] * 20, vocabulary_size=26)
    path = tmp_path_factory.mktemp("vocabulary") / "spiece.model"
    path.write_bytes(trained.model)
    return str(path)


def test_second_text_of_white_space_counts_as_none(small_model):
    config = {
        "sentencepiece_model": small_model,
        "seq_len": 16,
        "uncased": False,
        "labels": ["0", "1"],
    }
    records = preprocessing.preprocessing_fn(
        {"text_a": tf.constant(["a dog"] * 3), "text_b": tf.constant(["", " \u3000", "a"])}, config
    )
    alone, white_space, pair = records["segment_ids"].numpy().tolist()
    assert alone == white_space
    assert 1 not in alone
    assert 1 in pair
    # Neither labels nor second texts: as in a served graph.
    alone_again = preprocessing.preprocessing_fn({"text_a": tf.constant(["a dog"])}, config)
    assert alone_again["segment_ids"].numpy().tolist() == [alone]
    assert alone_again["label_ids"].numpy().tolist() == [0]


def test_missing_text_is_named(small_model):
    config = {
        "sentencepiece_model": small_model,
        "seq_len": 16,
        "uncased": False,
        "regression": True,
    }
    with pytest.raises(ValueError, match=r"no feature text_a; they have \['sentence'\]"):
        preprocessing.preprocessing_fn({"sentence": tf.constant(["a"])}, config)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seq_len": 2}, "seq_len must be at least 3, but is 2"),
        ({"labels": []}, "either labels"),
        ({"regression": True}, "either labels"),
        ({"labels": ["a", "a"]}, "names one twice"),
        ({"seqlen": 5}, "Did you mean 'seq_len'"),
    ],
)
def test_configuration_is_checked(change, message):
    config = {"sentencepiece_model": "m", "seq_len": 8, "uncased": False, "labels": ["a", "b"]}
    with pytest.raises(configuration.ConfigurationError, match=message):
        preprocessing.preprocessing_fn({}, {**config, **change})
