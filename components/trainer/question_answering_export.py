"""The SavedModel of question answering: takes ready ids, or serialized records."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf
import tf_keras

from components import records
from components.evaluator.window_outputs import SPAN_OUTPUTS

SERVING_IDS = "serving_ids"
SERVING_RECORDS = "serving_records"

_INPUTS = ("input_ids", "segment_ids", "input_mask", "p_mask", "cls_index")


class SpanModel(tf.Module):
    """A question answering model behind signatures.

    - `serving_ids`: `input_ids`, `segment_ids` int32 [B, seq_len]; `input_mask`, `p_mask` float32
      [B, seq_len]; `cls_index` int32 [B].
    - `serving_records`: `records`, serialized `records.QUESTION_ANSWERING`, string [B].

    Both return `start_top_log_probs`, `start_top_index` [B, K], `end_top_log_probs`,
    `end_top_index` [B, K * L] (start after start) and `cls_logits` [B]; float32 and int32.
    `serving_default` is `serving_ids`.

    Args:
        model: trained model.
        seq_len: tokens per record.
    """

    def __init__(self, *, model: tf_keras.Model, seq_len: int):
        super().__init__()
        # The variables are part of the SavedModel, the Keras model is not: Keras would trace its
        # `call` once more, and for training as well.
        self.model_variables = model.variables
        self._call_model = lambda features: model(features, training=False)
        self._seq_len = seq_len

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Concrete functions by signature name."""
        ids = tf.TensorSpec([None, self._seq_len], tf.int32)
        mask = tf.TensorSpec([None, self._seq_len], tf.float32)
        by_ids = self.serve_ids.get_concrete_function(
            input_ids=ids,
            segment_ids=ids,
            input_mask=mask,
            p_mask=mask,
            cls_index=tf.TensorSpec([None], tf.int32),
        )
        serialized = tf.TensorSpec([None], tf.string, name="records")
        return {
            "serving_default": by_ids,
            SERVING_IDS: by_ids,
            SERVING_RECORDS: self.serve_records.get_concrete_function(serialized),
        }

    @tf.function
    def serve_ids(
        self,
        input_ids: tf.Tensor,
        segment_ids: tf.Tensor,
        input_mask: tf.Tensor,
        p_mask: tf.Tensor,
        cls_index: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Beams of windows."""
        return self._predict(
            {
                "input_ids": input_ids,
                "segment_ids": segment_ids,
                "input_mask": input_mask,
                "p_mask": p_mask,
                "cls_index": cls_index,
            }
        )

    @tf.function
    def serve_records(self, records: tf.Tensor) -> dict[str, tf.Tensor]:
        """Beams of serialized records."""
        return self._predict(tf.io.parse_example(records, _description(self._seq_len)))

    def _predict(self, features: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        inputs = {
            name: tf.cast(value, tf.int32) if value.dtype == tf.int64 else value
            for name, value in features.items()
        }
        outputs = self._call_model(inputs)
        return {name: outputs[name] for name in SPAN_OUTPUTS}


def _description(seq_len: int) -> dict[str, object]:
    """How the model's inputs are parsed from records; the other features are left alone."""
    everything = records.QUESTION_ANSWERING.feature_description(seq_len, use="evaluation")
    return {name: everything[name] for name in _INPUTS}


def save(module: SpanModel, directory: str) -> None:
    """Writes the SavedModel."""
    tf.saved_model.save(module, directory, signatures=module.signatures())
