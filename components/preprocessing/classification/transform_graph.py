"""Builds the Transform graph from the preprocessing function, and applies it to raw examples."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence

import apache_beam as beam
import numpy as np
import tensorflow as tf

# Registers the tokenizer's ops, which are also needed when a graph is only loaded.
import tensorflow_text  # noqa: F401
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import dataset_metadata
from tfx_bsl.public import tfxio

from components import array_examples, configuration, files
from components.preprocessing.classification import preprocessing, raw_features
from components.records import UNMASKED
from components.tokenization.special_ids import UNK_ID
from components.vocabulary_file_name import MODEL_FILE_NAME


def build(
    schema: schema_pb2.Schema,
    config: preprocessing.PreprocessingConfig,
    *,
    directory: str,
) -> None:
    """Builds the graph and writes it in the layout of TFX's Transform, for `tft.TFTransformOutput`.

    Args:
        schema: schema of the raw examples.
        config: the settings that shape the records.
        directory: directory to which `transform_fn`, `transformed_metadata` and `metadata` are
            written.
    """
    source = tfxio.TFExampleBeamRecord(physical_format="tfrecord", schema=schema)
    # The graph does not depend on the data, so no example is read, and a small pipeline in this
    # process is enough, whatever runner the main pipeline uses.
    with (
        files.gathered(directory) as gathered,
        tempfile.TemporaryDirectory() as temp_dir,
        beam.Pipeline(runner="FnApiRunner") as pipeline,
        tft_beam.Context(temp_dir=temp_dir),
    ):
        # The model is copied once, because the function below is traced several times and reads it
        # each time.
        vocabulary = files.join(temp_dir, MODEL_FILE_NAME)
        files.write_bytes(vocabulary, files.read_bytes(config.sentencepiece_model))
        plain = configuration.to_plain(dataclasses.replace(config, sentencepiece_model=vocabulary))
        no_examples = pipeline | "NoExamples" >> beam.Create([])
        transform_fn = (no_examples, source.TensorAdapterConfig()) | tft_beam.AnalyzeDataset(
            lambda inputs: preprocessing.preprocessing_fn(inputs, plain)
        )
        _ = transform_fn | tft_beam.WriteTransformFn(gathered)
        _ = dataset_metadata.DatasetMetadata(schema) | tft_beam.WriteMetadata(
            files.join(gathered, tft.TFTransformOutput.RAW_METADATA_DIR), pipeline=pipeline
        )


@dataclasses.dataclass(frozen=True)
class Transformed:
    """Records, and facts about their examples that the records do not contain.

    Attributes:
        records: the serialized records.
        labels: the labels as in the raw examples; empty for an example without a label.
        num_tokens: int64 [n], number of tokens of the uncut texts with special tokens; for multiple
            choice, of the longest sequence.
        num_kept: int64 [n], number of tokens in the record; for multiple choice, in its longest
            sequence.
        num_unknown: int64 [n], number of tokens in the record for which the vocabulary has no
            piece; for multiple choice, in the sequence that has the most.
    """

    records: Sequence[bytes]
    labels: Sequence[bytes]
    num_tokens: np.ndarray
    num_kept: np.ndarray
    num_unknown: np.ndarray


class TransformGraph:
    """A graph that `build` has written, loaded to make records."""

    def __init__(self, directory: str):
        output = tft.TFTransformOutput(directory)
        self._layer = output.transform_features_layer()
        self._raw_spec = output.raw_feature_spec()
        # All features are parsed as variable-length strings, whatever the schema says, so that a
        # split without labels can be parsed as well.
        self._parsed = {
            name: tf.io.VarLenFeature(tf.string)
            for name in raw_features.NAMES
            if name in self._raw_spec
        }
        # AutoGraph is off because there is no Python control flow to convert, and it would take 8 s
        # to look for it in the layer's code.
        self._apply: Callable = tf.function(
            self._transform,
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        )

    def __call__(self, examples: Sequence[bytes]) -> Transformed:
        """Makes records from serialized raw tf.Examples, in the same order."""
        features, others = self._apply(tf.constant(examples))
        arrays = {name: features[name].numpy() for name in sorted(features)}
        return Transformed(
            records=[_encode(arrays, row) for row in range(len(examples))],
            labels=others["labels"].numpy().tolist(),
            num_tokens=others["num_tokens"].numpy(),
            num_kept=others["num_kept"].numpy(),
            num_unknown=others["num_unknown"].numpy(),
        )

    def _transform(self, examples: tf.Tensor) -> tuple[Mapping[str, tf.Tensor], ...]:
        parsed = tf.io.parse_example(examples, self._parsed)
        raw = {
            # There may be any number of options here; the graph checks it.
            name: tf.sparse.to_dense(value, "")
            if name == "options"
            else raw_features.as_dense(value, name)
            for name, value in parsed.items()
        }
        features = dict(self._layer(raw_features.as_sparse(raw, self._raw_spec)))
        is_kept = features["input_mask"] == UNMASKED
        # Padding has the same id as unknown pieces, so it is excluded by its mask.
        unknown = (features["input_ids"] == UNK_ID) & is_kept
        others = {
            "labels": raw.get("label", tf.zeros_like(raw["text_a"])),
            "num_tokens": features.pop(preprocessing.NUM_TOKENS),
            "num_kept": _most(is_kept),
            "num_unknown": _most(unknown),
        }
        return features, others


def _most(is_counted: tf.Tensor) -> tf.Tensor:
    """Counts tokens by record, in the sequence that has the most if there are several."""
    number = tf.math.count_nonzero(is_counted, axis=-1)
    return tf.reduce_max(number, axis=-1) if number.shape.rank > 1 else number


def _encode(arrays: Mapping[str, np.ndarray], row: int) -> bytes:
    """Serializes one record with its features in the order of `arrays`.

    Equal records become equal bytes, unlike with tfx_bsl's encoder, which orders features by a hash
    map.
    """
    return array_examples.encode(
        array_examples.float_entry(name, values[row])
        if values.dtype.kind == "f"
        else array_examples.int64_entry(name, values[row])
        for name, values in arrays.items()
    )
