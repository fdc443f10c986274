"""The SavedModel that is served: takes text, serialized tf.Examples, or ready ids.

The Transform graph is part of it, vocabulary included, so serving cannot tokenise otherwise than
training did.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import tensorflow as tf

# Registers the custom ops of the Transform graph; without it: "Op type not registered".
import tensorflow_text  # noqa: F401
import tensorflow_transform as tft
import tf_keras

from components.preprocessing.classification import raw_features
from components.trainer import warm_up
from components.trainer.bucketed_model import BucketedModel
from components.trainer.names import SERVING_DEFAULT, SERVING_IDS, SERVING_TF_EXAMPLES

TRANSFORM_FEATURES = "transform_features"


class TextModel(tf.Module):
    """A classification or regression model behind signatures.

    - `serving_default`: `text_a` and `text_b`, string [B] (an empty `text_b` for a single text).
    - `serving_tf_examples`: `examples`, serialized raw tf.Examples, string [B].
    - `serving_ids`: `input_ids`, `segment_ids` int32 [B, seq_len], `input_mask` float32.
    - `transform_features`: `examples` to the record's features, `label_ids` among them.

    The first three return `scores`: float32 [B, K], the labels' probabilities, with the most
    probable label in `label`, string [B]; for regression `scores` is float32 [B] and stands alone.
    `serving_default` of a classification adds `labels`, string [B, K], the names of the scores.
    `serving_tf_examples` has `label` as string [B, 1]: BulkInferrer takes apart the rows of
    matrices, and fails at a vector of strings.

    Args:
        model: trained model.
        transform_output: of the Transform component.
        labels: in the order of their ids; None for regression.
        seq_len: tokens per record.
    """

    def __init__(
        self,
        *,
        model: tf_keras.Model,
        transform_output: tft.TFTransformOutput,
        labels: Sequence[str] | None,
        seq_len: int,
    ):
        super().__init__()
        # The variables are part of the SavedModel, the Keras model is not: Keras would trace its
        # `call` once more, and for training as well.
        self.model_variables = model.variables
        per_token = [None, seq_len]
        self._specs = {
            "input_ids": tf.TensorSpec(per_token, tf.int32),
            "segment_ids": tf.TensorSpec(per_token, tf.int32),
            "input_mask": tf.TensorSpec(per_token, tf.float32),
        }
        self.bucketed_model = BucketedModel(
            lambda features: model(features, training=False), self._specs, padding="left"
        )
        self.transform_layer = transform_output.transform_features_layer()
        self._raw_spec = transform_output.raw_feature_spec()
        self._labels = None if labels is None else tf.constant(list(labels))
        self.seq_len = seq_len

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Concrete functions by signature name."""
        texts = tf.TensorSpec([None], tf.string)
        examples = tf.TensorSpec([None], tf.string, name="examples")
        return {
            SERVING_DEFAULT: self.serve_texts.get_concrete_function(text_a=texts, text_b=texts),
            SERVING_TF_EXAMPLES: self.serve_examples.get_concrete_function(examples),
            SERVING_IDS: self.serve_ids.get_concrete_function(**self._specs),
            TRANSFORM_FEATURES: self.transform_features.get_concrete_function(examples),
        }

    @tf.function(autograph=False)
    def serve_texts(self, text_a: tf.Tensor, text_b: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores of texts, with the labels' names for classification."""
        raw = {"text_a": text_a, "text_b": text_b}
        found = self._predict(self.transform_layer(raw_features.as_sparse(raw, self._raw_spec)))
        if self._labels is None:
            return found
        labels = tf.repeat(self._labels[None], tf.shape(text_a)[0], axis=0)
        return {**found, "labels": labels}

    @tf.function(autograph=False)
    def serve_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores of serialized raw tf.Examples; their labels, if any, are not looked at."""
        spec = {
            name: self._raw_spec[name] for name in ("text_a", "text_b") if name in self._raw_spec
        }
        found = self._predict(self.transform_layer(tf.io.parse_example(examples, spec)))
        if "label" in found:
            found["label"] = found["label"][:, None]
        return found

    @tf.function(autograph=False)
    def serve_ids(
        self, input_ids: tf.Tensor, segment_ids: tf.Tensor, input_mask: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Scores of records that are tokenised already."""
        return self._predict(
            {"input_ids": input_ids, "segment_ids": segment_ids, "input_mask": input_mask}
        )

    @tf.function(autograph=False)
    def transform_features(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """The record's features of serialized raw tf.Examples, and their length in pieces."""
        features = self.transform_layer(tf.io.parse_example(examples, self._raw_spec))
        pieces = tf.reduce_sum(1 - tf.cast(features["input_mask"], tf.int64), -1)
        return {
            "label_ids": features["label_ids"],
            "length": length_bucket(pieces, self.seq_len),
        }

    def _predict(self, features: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        inputs = {
            "input_ids": tf.cast(features["input_ids"], tf.int32),
            "segment_ids": tf.cast(features["segment_ids"], tf.int32),
            "input_mask": features["input_mask"],
        }
        outputs = self.bucketed_model(inputs)
        if self._labels is None:
            return {"scores": outputs}
        scores = tf.nn.softmax(outputs)
        return {"scores": scores, "label": tf.gather(self._labels, tf.argmax(scores, -1))}


def length_bucket(pieces: tf.Tensor, seq_len: int) -> tf.Tensor:
    """Names the quarter of the maximal length that a record fills, for slicing metrics.

    Args:
        pieces: int64 [B].
        seq_len: maximal length.

    Returns:
        string [B], such as "033-064".
    """
    bounds = [round(seq_len * quarter / 4) for quarter in range(5)]
    names = tf.constant([f"{low + 1:03d}-{high:03d}" for low, high in itertools.pairwise(bounds)])
    return tf.gather(names, tf.searchsorted(tf.constant(bounds[1:-1], tf.int64), pieces))


def save(module: TextModel, directory: str) -> None:
    """Writes the SavedModel, with requests to warm it up."""
    tf.saved_model.save(module, directory, signatures=module.signatures())
    warm_up.write(
        directory,
        SERVING_DEFAULT,
        [
            {"text_a": [text], "text_b": [""]}
            for text in warm_up.texts_of_all_lengths(module.seq_len)
        ],
    )
