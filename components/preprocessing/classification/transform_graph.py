"""The Transform graph: made from the preprocessing function, applied to serialized raw examples."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence

import apache_beam as beam
import numpy as np
import tensorflow as tf

# Registers the ops of the tokenizer, also where a graph is only loaded.
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
    """Writes the graph as TFX's Transform does, for `tft.TFTransformOutput`.

    Args:
        schema: of the raw examples.
        config: what shapes the records.
        directory: gets `transform_fn`, `transformed_metadata` and `metadata`.
    """
    source = tfxio.TFExampleBeamRecord(physical_format="tfrecord", schema=schema)
    # Nothing of the graph depends on the data: no example is read, and a pipeline in this process
    # does, whatever the runner of the large one.
    with (
        files.gathered(directory) as gathered,
        tempfile.TemporaryDirectory() as temp_dir,
        beam.Pipeline(runner="FnApiRunner") as pipeline,
        tft_beam.Context(temp_dir=temp_dir),
    ):
        # Read once; the function below is traced several times.
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
    """Records, and what they do not tell of their examples.

    Attributes:
        records: serialized.
        labels: as they stand in the examples, empty where there is none.
        num_tokens: int64 [n], of the whole texts with special tokens; with options, of the longest.
        num_unknown: int64 [n], tokens of the records that the vocabulary has no piece for; with
            options, of the one that has the most.
    """

    records: Sequence[bytes]
    labels: Sequence[bytes]
    num_tokens: np.ndarray
    num_unknown: np.ndarray


class TransformGraph:
    """A graph that `build` wrote, ready to make records."""

    def __init__(self, directory: str):
        output = tft.TFTransformOutput(directory)
        self._layer = output.transform_features_layer()
        self._raw_spec = output.raw_feature_spec()
        # Whatever the schema has: a split without labels can be parsed too.
        self._parsed = {
            name: tf.io.VarLenFeature(tf.string)
            for name in raw_features.NAMES
            if name in self._raw_spec
        }
        # There is no Python control flow to convert; looking for it in all of the layer's code
        # takes AutoGraph 8 s.
        self._apply: Callable = tf.function(
            self._transform,
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        )

    def __call__(self, examples: Sequence[bytes]) -> Transformed:
        """Records of serialized raw tf.Examples, in their order."""
        features, others = self._apply(tf.constant(examples))
        arrays = {name: features[name].numpy() for name in sorted(features)}
        return Transformed(
            records=[_encode(arrays, row) for row in range(len(examples))],
            labels=others["labels"].numpy().tolist(),
            num_tokens=others["num_tokens"].numpy(),
            num_unknown=others["num_unknown"].numpy(),
        )

    def _transform(self, examples: tf.Tensor) -> tuple[Mapping[str, tf.Tensor], ...]:
        parsed = tf.io.parse_example(examples, self._parsed)
        raw = {
            # Of any number, which the graph looks at.
            name: tf.sparse.to_dense(value, "")
            if name == "options"
            else raw_features.as_dense(value, name)
            for name, value in parsed.items()
        }
        features = dict(self._layer(raw_features.as_sparse(raw, self._raw_spec)))
        # Padding has the id of unknown pieces.
        unknown = (features["input_ids"] == UNK_ID) & (features["input_mask"] == UNMASKED)
        num_unknown = tf.math.count_nonzero(unknown, axis=-1)
        if num_unknown.shape.rank > 1:
            num_unknown = tf.reduce_max(num_unknown, -1)
        others = {
            "labels": raw.get("label", tf.zeros_like(raw["text_a"])),
            "num_tokens": features.pop(preprocessing.NUM_TOKENS),
            "num_unknown": num_unknown,
        }
        return features, others


def _encode(arrays: Mapping[str, np.ndarray], row: int) -> bytes:
    """One record, its features in the order of their names: equal records are equal bytes.

    Not tfx_bsl's encoder, whose features stand in the order of a hash map.
    """
    return array_examples.encode(
        array_examples.float_entry(name, values[row])
        if values.dtype.kind == "f"
        else array_examples.int64_entry(name, values[row])
        for name, values in arrays.items()
    )
