"""The SavedModel for classification, regression and multiple choice.

It takes texts, serialized tf.Examples, or token ids. The Transform graph with the vocabulary is
part of it, so serving cannot tokenise differently from training.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

import tensorflow as tf

# Imported to register the custom ops of the Transform graph. Without it, loading the graph fails
# with "Op type not registered".
import tensorflow_text  # noqa: F401
import tensorflow_transform as tft

from components.export import warm_up
from components.export.signatures import SERVING_DEFAULT, SERVING_IDS, SERVING_TF_EXAMPLES
from components.export.sliced_model import SlicedModel
from components.gathering import gathered
from components.modeling.variables import NamedModel
from components.preprocessing.classification import raw_features

TRANSFORM_FEATURES = "transform_features"


class TextModel(tf.Module):
    """A classification, regression or multiple-choice model with the signatures of its SavedModel.

    - `serving_default`: `text_a` and `text_b`, string [B], with an empty `text_b` for a single
      text. For multiple choice, these are passage and question, and there is also `options`,
      string [B, K].
    - `serving_tf_examples`: `examples`, serialized raw tf.Examples, string [B].
    - `serving_ids`: `input_ids` and `segment_ids` int32 [B, seq_len], and `input_mask` float32
      [B, seq_len]. For multiple choice, the shapes are [B, K, seq_len].
    - `transform_features`: `examples`, serialized raw tf.Examples with labels, string [B]. Returns
      `label_ids` [B] and `length`, string [B] (see `length_bucket`).

    The first three return `scores`, float32 [B, K], the probabilities of the labels, and `label`,
    string [B], the most probable label. For regression, they return only `scores`, float32 [B].
    `serving_default` also returns `labels`, string [B, K], the names that belong to the scores, and
    for multiple choice `option`, string [B], the text of the best option. `serving_tf_examples`
    returns `label` as string [B, 1], because BulkInferrer handles the rows of matrices but fails on
    a vector of strings.

    Args:
        model: trained model, which is exported in its form for serving.
        transform_output: output of the Transform component.
        labels: label names in the order of their ids; None for regression.
        seq_len: number of tokens per sequence.
        multiple_choice: whether the labels stand for options, each with a sequence of its own.
        replacements: (old, new) pairs that were applied to the texts for training, in this order;
            `serving_default` applies them as well. Raw tf.Examples contain the new texts already.
    """

    def __init__(
        self,
        *,
        model: NamedModel,
        transform_output: tft.TFTransformOutput,
        labels: Sequence[str] | None,
        seq_len: int,
        multiple_choice: bool = False,
        replacements: Sequence[tuple[str, str]] = (),
    ):
        super().__init__()
        served = model.for_serving(seq_len=seq_len)
        # The variables become part of the SavedModel, but the Keras model does not: Keras would
        # trace its `call` again, and for training as well.
        self.model_variables = served.variables
        self.num_choices = len(labels) if multiple_choice else None
        call = served.sequence_scores if multiple_choice else served
        # Each option of a question has a length of its own.
        self.sliced_model = SlicedModel(
            lambda features: call(features, training=False),
            _token_specs([None, seq_len]),
            padding="left",
            # With other summaries, rows must not be cut: the first token may be padding, and the
            # mean includes padding.
            cut=served.config.summary_type == "last",
        )
        self._specs = _token_specs(
            [None, len(labels), seq_len] if multiple_choice else [None, seq_len]
        )
        self.transform_layer = transform_output.transform_features_layer()
        self._raw_spec = transform_output.raw_feature_spec()
        self._labels = None if labels is None else tf.constant(list(labels))
        self.seq_len = seq_len
        self._replacements = tuple(replacements)

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Returns the concrete functions by signature name."""
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
        """Scores texts; returns the label names as well, if there are labels."""
        cleaned = {name: replaced(text, self._replacements) for name, text in texts.items()}
        found = self._predict(self.transform_layer(raw_features.as_sparse(cleaned, self._raw_spec)))
        if self._labels is None:
            return found
        found["labels"] = tf.repeat(self._labels[None], tf.shape(texts["text_a"])[0], axis=0)
        if self.num_choices:
            best = tf.argmax(found["scores"], -1)
            found["option"] = tf.gather(texts["options"], best, batch_dims=1)
        return found

    @tf.function(autograph=False)
    def serve_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores serialized raw tf.Examples; their labels, if any, are ignored."""
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
        """Scores records that are already tokenised."""
        return self._predict(
            {"input_ids": input_ids, "segment_ids": segment_ids, "input_mask": input_mask}
        )

    @tf.function(autograph=False)
    def transform_features(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the label ids of raw tf.Examples, and the length buckets of their sequences.

        In multiple choice, the longest sequence of a question counts.
        """
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
        outputs = self.sliced_model(sequences)
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


def replaced(texts: tf.Tensor, replacements: Sequence[tuple[str, str]]) -> tf.Tensor:
    """Applies (old, new) pairs to texts in their order, as `str.replace` does.

    Args:
        texts: strings of any shape.
        replacements: plain texts, not patterns.
    """
    for old, new in replacements:
        # In the new text, only backslashes are special: `\\1` would be a group of the pattern.
        texts = tf.strings.regex_replace(texts, re.escape(old), new.replace("\\", "\\\\"))
    return texts


def length_bucket(pieces: tf.Tensor, seq_len: int) -> tf.Tensor:
    """Names the quarter of the maximum length that a record falls into, for slicing metrics.

    Args:
        pieces: int64 [B], number of tokens that are not padding.
        seq_len: maximum length.

    Returns:
        string [B], such as "033-064".
    """
    bounds = [round(seq_len * quarter / 4) for quarter in range(5)]
    names = tf.constant([f"{low + 1:03d}-{high:03d}" for low, high in itertools.pairwise(bounds)])
    return tf.gather(names, tf.searchsorted(tf.constant(bounds[1:-1], tf.int64), pieces))


def save(module: TextModel, directory: str) -> None:
    """Writes the SavedModel together with its warm-up requests."""
    with gathered(directory) as folder:
        tf.saved_model.save(module, folder, signatures=module.signatures())
        options = {"options": [["word"] * module.num_choices]} if module.num_choices else {}
        warm_up.write(
            folder,
            SERVING_DEFAULT,
            [
                {"text_a": [text], "text_b": [""], **options}
                for text in warm_up.short_and_long_text(module.seq_len)
            ],
        )
