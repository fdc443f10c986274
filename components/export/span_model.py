"""The SavedModel for question answering.

It takes questions and paragraphs as text, as serialized tf.Examples or records, or as token ids.
Tokenizer, vocabulary, windows and decoding are part of the graph, so serving cannot process texts
differently from training.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping

import tensorflow as tf

from components import records
from components.export import warm_up
from components.export.null_threshold import NullThreshold
from components.export.signatures import (
    SERVING_DEFAULT,
    SERVING_IDS,
    SERVING_RECORDS,
    SERVING_TF_EXAMPLES,
)
from components.export.sliced_model import SlicedModel
from components.gathering import gathered
from components.modeling.variables import NamedModel
from components.preprocessing.question_answering.config import WindowConfig
from components.preprocessing.question_answering.graph_windows import GraphWindowMaker
from components.span_decoding import graph_decoder
from components.span_decoding.decoder import DecodingConfig
from components.span_decoding.window_outputs import SPAN_OUTPUTS
from components.tokenization.graph_tokenizer import GraphTokenizer
from components.tokenization.vocabulary import Vocabulary

_TEXTS = tf.TensorSpec([None], tf.string)
_INPUTS = ("input_ids", "segment_ids", "input_mask", "p_mask", "cls_index")


class SpanModel(tf.Module):
    """A question answering model with the signatures of its SavedModel.

    - `serving_default`: `question` and `context`, string [B].
    - `serving_tf_examples`: `examples`, serialized tf.Examples with these two features, string [B].
    - `serving_ids`: `input_ids`, `segment_ids` int32 [B, seq_len]; `input_mask`, `p_mask` float32
      [B, seq_len]; `cls_index` int32 [B].
    - `serving_records`: `records`, serialized `records.QUESTION_ANSWERING`, string [B].

    The first two return everything that `graph_decoder.decode` lists, and also `answer` string [B],
    the best of `answers`, or "" where `null_score` is above the `null_threshold` float32 [B], which
    is returned too.

    The last two return `start_top_log_probs` and `start_top_index` [B, K], `end_top_log_probs` and
    `end_top_index` [B, K * L] (ends of the first start first), and `cls_logits` [B]. Indices are
    int32, the others float32.

    Args:
        model: trained model, which is exported in its form for serving.
        vocabulary: vocabulary of the records that the model was trained on.
        uncased: whether the text of these records was lower-cased.
        keep_accents: whether these records keep the accents of the text.
        windows: how paragraphs were cut into windows.
        decoding: how answers are chosen.
    """

    def __init__(
        self,
        *,
        model: NamedModel,
        vocabulary: Vocabulary,
        uncased: bool,
        keep_accents: bool = False,
        windows: WindowConfig,
        decoding: DecodingConfig,
    ):
        super().__init__()
        served = model.for_serving(seq_len=windows.max_seq_length)
        # The variables become part of the SavedModel, but the Keras model does not: Keras would
        # trace its `call` again, and for training as well.
        self.model_variables = served.variables
        self._decoding = decoding
        self.seq_len = windows.max_seq_length
        tokenizer = GraphTokenizer(vocabulary, uncased=uncased, keep_accents=keep_accents)
        self.make_windows = GraphWindowMaker(tokenizer, windows)
        per_token = [None, self.seq_len]
        self._specs = {
            "input_ids": tf.TensorSpec(per_token, tf.int32),
            "segment_ids": tf.TensorSpec(per_token, tf.int32),
            "input_mask": tf.TensorSpec(per_token, tf.float32),
            "p_mask": tf.TensorSpec(per_token, tf.float32),
            "cls_index": tf.TensorSpec([None], tf.int32),
        }

        def call(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            outputs = served(features, training=False)
            return {name: outputs[name] for name in SPAN_OUTPUTS}

        self.sliced_model = SlicedModel(
            call,
            self._specs,
            padding="right",
            # The beam search chooses among at least so many positions.
            shortest=max(served.start_n_top, served.end_n_top),
        )
        self._assets = tempfile.TemporaryDirectory()
        self.null_threshold = NullThreshold(self._assets.name)
        # A concrete function, because every signature that calls a `tf.function` traces it again.
        self._answer_texts = self.serve_texts.get_concrete_function()

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Returns the concrete functions by signature name."""
        return {
            SERVING_DEFAULT: self._answer_texts,
            SERVING_TF_EXAMPLES: self.serve_examples.get_concrete_function(),
            SERVING_IDS: self.serve_ids.get_concrete_function(**self._specs),
            SERVING_RECORDS: self.serve_records.get_concrete_function(),
        }

    @tf.function(autograph=False, input_signature=[_TEXTS, _TEXTS])
    def serve_texts(self, question: tf.Tensor, context: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers questions about paragraphs."""
        windows = self.make_windows(question, context)
        outputs = self.sliced_model(windows.features)
        found = graph_decoder.decode(outputs, windows, self._decoding)
        threshold = self.null_threshold()
        is_answered = found["null_score"] <= threshold
        return {
            **found,
            "answer": tf.where(is_answered, found["answers"][:, 0], ""),
            "null_threshold": tf.fill(tf.shape(found["null_score"]), threshold),
        }

    @tf.function(autograph=False, input_signature=[_TEXTS])
    def serve_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers questions in serialized tf.Examples."""
        spec = {name: tf.io.FixedLenFeature([], tf.string) for name in ("question", "context")}
        return self._answer_texts(**tf.io.parse_example(examples, spec))

    @tf.function(autograph=False)
    def serve_ids(self, **features: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the beams of windows that are given as token ids."""
        return self.sliced_model(features)

    @tf.function(autograph=False, input_signature=[_TEXTS])
    def serve_records(self, records: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the beams of windows that are given as serialized records."""
        parsed = tf.io.parse_example(records, _description(self.seq_len))
        return self.sliced_model(
            {
                name: tf.cast(value, tf.int32) if value.dtype == tf.int64 else value
                for name, value in parsed.items()
            }
        )


def _description(seq_len: int) -> Mapping[str, object]:
    """Returns how to parse the model's inputs from records; other features are ignored."""
    everything = records.QUESTION_ANSWERING.feature_description(seq_len, use="evaluation")
    return {name: everything[name] for name in _INPUTS}


def save(module: SpanModel, directory: str) -> None:
    """Writes the SavedModel together with its warm-up requests."""
    with gathered(directory) as folder:
        tf.saved_model.save(module, folder, signatures=module.signatures())
        warm_up.write(
            folder,
            SERVING_DEFAULT,
            [
                {"question": ["What is it?"], "context": [text]}
                for text in warm_up.short_and_long_text(module.seq_len)
            ],
        )
