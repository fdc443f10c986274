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

from components.export import warm_up
from components.export.bucketed_model import BucketedModel
from components.export.signatures import SERVING_DEFAULT, SERVING_IDS, SERVING_TF_EXAMPLES
from components.gathering import gathered
from components.preprocessing.classification import raw_features

TRANSFORM_FEATURES = "transform_features"


class TextModel(tf.Module):
    """A classification, regression or multiple-choice model behind signatures.

    - `serving_default`: `text_a` and `text_b`, string [B] (an empty `text_b` for a single text);
      of multiple choice passage and question, and `options`, string [B, K].
    - `serving_tf_examples`: `examples`, serialized raw tf.Examples, string [B].
    - `serving_ids`: `input_ids`, `segment_ids` int32 [B, seq_len], `input_mask` float32; of
      multiple choice [B, K, seq_len].
    - `transform_features`: `examples` to the record's features, `label_ids` among them.

    The first three return `scores`: float32 [B, K], the labels' probabilities, with the most
    probable label in `label`, string [B]; for regression `scores` is float32 [B] and stands alone.
    `serving_default` adds `labels`, string [B, K], the names of the scores, and for multiple choice
    `option`, string [B], the text of the best one.
    `serving_tf_examples` has `label` as string [B, 1]: BulkInferrer takes apart the rows of
    matrices, and fails at a vector of strings.

    Args:
        model: trained model.
        transform_output: of the Transform component.
        labels: in the order of their ids; None for regression.
        seq_len: tokens per sequence.
        multiple_choice: whether a label is chosen for its option.
    """

    def __init__(
        self,
        *,
        model: tf_keras.Model,
        transform_output: tft.TFTransformOutput,
        labels: Sequence[str] | None,
        seq_len: int,
        multiple_choice: bool = False,
    ):
        super().__init__()
        # The variables are part of the SavedModel, the Keras model is not: Keras would trace its
        # `call` once more, and for training as well.
        self.model_variables = model.variables
        self.num_choices = len(labels) if multiple_choice else None
        call = model.sequence_scores if multiple_choice else model
        # Each option of a question has a length of its own.
        self.bucketed_model = BucketedModel(
            lambda features: call(features, training=False),
            _token_specs([None, seq_len]),
            padding="left",
            # The first token may be padding, and padding counts in the mean.
            cut=model.config.summary_type == "last",
        )
        self._specs = _token_specs(
            [None, len(labels), seq_len] if multiple_choice else [None, seq_len]
        )
        self.transform_layer = transform_output.transform_features_layer()
        self._raw_spec = transform_output.raw_feature_spec()
        self._labels = None if labels is None else tf.constant(list(labels))
        self.seq_len = seq_len

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Concrete functions by signature name."""
        text = tf.TensorSpec([None], tf.string)
        texts = {"text_a": text, "text_b": text}
        if self.num_choices:
            texts["options"] = tf.TensorSpec([None, self.num_choices], tf.string)
        examples = tf.TensorSpec([None], tf.string, name="examples")
        return {
            SERVING_DEFAULT: self.serve_texts.get_concrete_function(**texts),
            SERVING_TF_EXAMPLES: self.serve_examples.get_concrete_function(examples),
            SERVING_IDS: self.serve_ids.get_concrete_function(**self._specs),
            TRANSFORM_FEATURES: self.transform_features.get_concrete_function(examples),
        }

    @tf.function(autograph=False)
    def serve_texts(self, **texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores of texts, with the labels' names where there are labels."""
        found = self._predict(self.transform_layer(raw_features.as_sparse(texts, self._raw_spec)))
        if self._labels is None:
            return found
        found["labels"] = tf.repeat(self._labels[None], tf.shape(texts["text_a"])[0], axis=0)
        if self.num_choices:
            best = tf.argmax(found["scores"], -1)
            found["option"] = tf.gather(texts["options"], best, batch_dims=1)
        return found

    @tf.function(autograph=False)
    def serve_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores of serialized raw tf.Examples; their labels, if any, are not looked at."""
        names = ("text_a", "text_b", "options")
        spec = {name: self._raw_spec[name] for name in names if name in self._raw_spec}
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
        """Label ids of serialized raw tf.Examples, and the length of their longest sequence."""
        features = self.transform_layer(tf.io.parse_example(examples, self._raw_spec))
        pieces = tf.reduce_sum(1 - tf.cast(features["input_mask"], tf.int64), -1)
        if self.num_choices:
            pieces = tf.reduce_max(pieces, -1)
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
        sequences = {name: tf.reshape(value, [-1, self.seq_len]) for name, value in inputs.items()}
        outputs = self.bucketed_model(sequences)
        if self.num_choices:
            outputs = tf.reshape(outputs, [-1, self.num_choices])
        if self._labels is None:
            return {"scores": outputs}
        scores = tf.nn.softmax(outputs)
        return {"scores": scores, "label": tf.gather(self._labels, tf.argmax(scores, -1))}


def _token_specs(shape: list[int | None]) -> dict[str, tf.TensorSpec]:
    return {
        "input_ids": tf.TensorSpec(shape, tf.int32),
        "segment_ids": tf.TensorSpec(shape, tf.int32),
        "input_mask": tf.TensorSpec(shape, tf.float32),
    }


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
    with gathered(directory) as folder:
        tf.saved_model.save(module, folder, signatures=module.signatures())
        options = {"options": [["word"] * module.num_choices]} if module.num_choices else {}
        warm_up.write(
            folder,
            SERVING_DEFAULT,
            [
                {"text_a": [text], "text_b": [""], **options}
                for text in warm_up.texts_of_all_lengths(module.seq_len)
            ],
        )
