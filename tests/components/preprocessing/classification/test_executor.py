"""The component as TFX runs it: from raw Examples on disk to records and their manifest."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.components.base import base_beam_executor
from tfx.types import channel_utils, standard_artifacts

from components import artifacts, manifest, records, tf_examples, tfrecords
from components.preprocessing.classification import (
    component,
    executor,
    label_check,
    length_counts,
    raw_features,
)
from components.tokenization import train_sentencepiece
from components.tokenization.special_ids import CLS_ID, SEP_ID
from components.tokenization.tokenizer import Tokenizer
from tests.components.preprocessing.digests import sha256_of_records

SEQ_LEN = 48
VOCABULARY_SIZE = 32
LABELS = ["no", "yes"]
# Beside the lengths.
COUNTED = ("records", "labels", "unknown_labels")
# The last text of "eval" is an empty second text; "test" has no labels.
ROWS = {
    "train": [("good dogs run", "bad dogs sleep", "yes"), ("dogs", "run", "no")] * 3,
    "eval": [("good good dogs", "", "no")],
    "test": [("sleep well", "good dogs", None)],
}


@pytest.fixture(scope="module")
def vocabulary():
    texts = [text for rows in ROWS.values() for a, b, _ in rows for text in (a, b)]
    return train_sentencepiece.train(texts * 5, vocabulary_size=VOCABULARY_SIZE)


def _write_inputs(directory: pathlib.Path, rows, vocabulary):
    examples = standard_artifacts.Examples()
    examples.uri = str(directory / "examples")
    examples.split_names = json.dumps(list(rows))
    for split, split_rows in rows.items():
        serialized = []
        for text_a, text_b, label in split_rows:
            features = {"guid": [b"id"], "text_a": [text_a.encode()], "text_b": [text_b.encode()]}
            if label is not None:
                features["label"] = [label.encode()]
            serialized.append(tf_examples.encode(features))
        path = directory / "examples" / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"
        tfrecords.write_records(str(path), serialized)

    schema = standard_artifacts.Schema()
    schema.uri = str(directory / "schema")
    schema_proto = schema_pb2.Schema(
        feature=[
            schema_pb2.Feature(name=name, type=schema_pb2.BYTES)
            for name in ("guid", "text_a", "text_b", "label")
        ]
    )
    (directory / "schema").mkdir()
    (directory / "schema" / "schema.pbtxt").write_text(str(schema_proto))

    model = artifacts.SentencePieceModel()
    model.uri = str(directory / "model")
    (directory / "model").mkdir()
    (directory / "model" / "spiece.model").write_bytes(vocabulary.model)
    return {"examples": [examples], "schema": [schema], "sentencepiece_model": [model]}


def _run(directory: pathlib.Path, inputs, labels, **properties):
    graph = standard_artifacts.TransformGraph()
    graph.uri = str(directory / "transform_graph")
    transformed = standard_artifacts.Examples()
    transformed.uri = str(directory / "transformed")
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
        tmp_dir=str(directory / "tmp"),
        unique_id="1",
    )
    executor.Executor(context).Do(
        inputs,
        {"transform_graph": [graph], "transformed_examples": [transformed]},
        {"seq_len": SEQ_LEN, "uncased": 0, "labels": json.dumps(labels), **properties},
    )
    return graph, transformed


def _read_records(uri: str, shards: list[str]):
    description = records.CLASSIFICATION.feature_description(SEQ_LEN, use="training")
    for shard in shards:
        for record in tfrecords.read_records(f"{uri}/{shard}"):
            parsed = tf.io.parse_single_example(record, description)
            yield {name: value.numpy().tolist() for name, value in parsed.items()}


def _expected(tokenizer, text_a, text_b, label_id):
    """The record of a pair that need not be cut."""
    a, b = tokenizer.encode(text_a), tokenizer.encode(text_b)
    ids = [*a, SEP_ID, *([*b, SEP_ID] if b else []), CLS_ID]
    segments = [0] * (len(a) + 1) + [1] * (len(b) + 1 if b else 0) + [2]
    padding = SEQ_LEN - len(ids)
    assert padding >= 0
    return {
        "input_ids": [0] * padding + ids,
        "input_mask": [1.0] * padding + [0.0] * len(ids),
        "segment_ids": [4] * padding + segments,
        "label_ids": label_id,
        "is_real_example": 1,
    }


@pytest.mark.filterwarnings("ignore")
def test_accents_are_kept_where_that_is_asked_for(tmp_path):
    texts = ["schön schon", "höre hore"]
    vocabulary = train_sentencepiece.train(texts * 9, vocabulary_size=32, keep_accents=True)
    rows = {"train": [(text, "", "yes") for text in texts]}
    inputs = _write_inputs(tmp_path, rows, vocabulary)
    _, transformed = _run(tmp_path, inputs, LABELS, keep_accents=1)
    written = manifest.read(transformed.uri)
    assert written.parameters["keep_accents"] is True
    tokenizer = Tokenizer(vocabulary, keep_accents=True)
    assert tokenizer.encode("schön") != tokenizer.encode("schon")
    expected = [_expected(tokenizer, text, "", 1) for text in texts]
    assert list(_read_records(transformed.uri, written.shards["train"])) == expected


@pytest.mark.filterwarnings("ignore")
def test_records_manifest_and_graph(tmp_path, vocabulary):
    inputs = _write_inputs(tmp_path, ROWS, vocabulary)
    graph, transformed = _run(tmp_path, inputs, LABELS)

    written = manifest.read(transformed.uri)
    assert written.record_type == "classification"
    assert written.parameters == {
        "seq_len": SEQ_LEN,
        "uncased": False,
        "keep_accents": False,
        "labels": LABELS,
        "vocabulary_size": VOCABULARY_SIZE,
    }
    assert written.vocabulary_sha256 == vocabulary.sha256
    tokenizer = Tokenizer(vocabulary)
    for split, rows in ROWS.items():
        lengths = length_counts.read(written.counts, split, seq_len=SEQ_LEN)
        whole = [
            len(tokenizer.encode(a)) + (len(tokenizer.encode(b)) + 1 if b else 0) + 2
            for a, b, _ in rows
        ]
        assert (lengths.num_examples, lengths.num_cut) == (len(rows), 0)
        assert lengths.num_tokens == sum(whole)
    counts = {name: n for name, n in written.counts.items() if name.split("/")[1] in COUNTED}
    assert counts == {
        "train/records": 6,
        "train/labels/no": 3,
        "train/labels/yes": 3,
        "train/unknown_labels": 0,
        "eval/records": 1,
        "eval/labels/no": 1,
        "eval/labels/yes": 0,
        "eval/unknown_labels": 0,
        "test/records": 1,
        "test/labels/no": 0,
        "test/labels/yes": 0,
        "test/unknown_labels": 1,
    }
    assert sorted(transformed.splits) == sorted(written.shards) == ["eval", "test", "train"]
    for split, rows in ROWS.items():
        expected = [
            _expected(tokenizer, a, b, 0 if label is None else LABELS.index(label))
            for a, b, label in rows
        ]
        assert list(_read_records(transformed.uri, written.shards[split])) == expected
    assert written.digests == sha256_of_records(transformed.uri, written.shards)

    assert not list(tmp_path.rglob("*.provisional"))
    assert set(tft.TFTransformOutput(graph.uri).raw_feature_spec()) == (
        {"guid", "text_a", "text_b", "label"}
    )

    # As the Trainer uses it: from strings, without a label.
    output = tft.TFTransformOutput(graph.uri)
    texts = {"text_a": tf.constant(["good dogs", "dogs"]), "text_b": tf.constant(["run", ""])}
    served = output.transform_features_layer()(
        raw_features.as_sparse(texts, output.raw_feature_spec())
    )
    for row, (a, b) in enumerate([("good dogs", "run"), ("dogs", "")]):
        expected = _expected(tokenizer, a, b, 0)
        for name in ("input_ids", "input_mask", "segment_ids"):
            np.testing.assert_array_equal(served[name][row], expected[name])


def test_missing_label_leaves_no_manifest(tmp_path, vocabulary):
    rows = {**ROWS, "train": [*ROWS["train"], ("dogs", "", None), ("dogs", "", "maybe")]}
    inputs = _write_inputs(tmp_path, rows, vocabulary)
    with pytest.raises(label_check.LabelError, match=r"'train' 2 of 8 .*no label: 1; 'maybe': 1"):
        _run(tmp_path, inputs, LABELS)
    with pytest.raises(manifest.ManifestError, match="did not finish"):
        manifest.read(str(tmp_path / "transformed"))


def test_missing_train_split_is_named(tmp_path, vocabulary):
    inputs = _write_inputs(tmp_path, {"eval": ROWS["eval"]}, vocabulary)
    with pytest.raises(ValueError, match=r"no split 'train', only \['eval'\]"):
        _run(tmp_path, inputs, LABELS)


def test_component_declares_its_outputs(tmp_path, vocabulary):
    inputs = _write_inputs(tmp_path, ROWS, vocabulary)
    preprocessor = component.ClassificationPreprocessor(
        **{name: channel_utils.as_channel(value) for name, value in inputs.items()},
        seq_len=SEQ_LEN,
        uncased=True,
        labels=None,
    )
    assert set(preprocessor.outputs) == {"transform_graph", "transformed_examples"}
    assert preprocessor.exec_properties == {
        "seq_len": SEQ_LEN,
        "uncased": 1,
        "labels": "null",
        "max_qa_length": None,
    }
