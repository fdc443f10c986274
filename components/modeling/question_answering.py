"""Span extraction with beam search, and answerability (SQuAD 1.1 and 2.0)."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from components.modeling import inputs as checks
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.dropout import check_seed, dropout
from components.modeling.encoder import XLNetEncoder, head_seed
from components.modeling.layer_norm import LayerNorm
from components.modeling.variables import Dense, NamedLayer, NamedModel

_FORBIDDEN = 1e30  # as published


class SpanHead(NamedLayer):
    """Start, end given start, and answerability; variables below `start_logits`, `end_logits`,
    `answer_class`, as published.
    """

    def __init__(self, config: XLNetConfig, options: ModelOptions) -> None:
        super().__init__(options)
        width = config.d_model
        self.start = Dense(options, "start_logits/dense", width, 1)
        self.end_0 = Dense(options, "end_logits/dense_0", 2 * width, width)
        self.end_norm = LayerNorm(options, "end_logits/LayerNorm", width)
        self.end_1 = Dense(options, "end_logits/dense_1", width, 1)
        self.answer_0 = Dense(options, "answer_class/dense_0", 2 * width, width)
        self.answer_1 = Dense(options, "answer_class/dense_1", width, 1, use_bias=False)

    def _log_probs(self, logits: tf.Tensor, p_mask: tf.Tensor) -> tf.Tensor:
        logits = tf.cast(logits, self.options.variable_dtype)
        p_mask = tf.cast(p_mask, logits.dtype)
        return tf.nn.log_softmax(logits * (1 - p_mask) - _FORBIDDEN * p_mask, axis=-1)

    def start_log_probs(self, hidden: tf.Tensor, p_mask: tf.Tensor) -> tf.Tensor:
        """[B, T, d_model] → [B, T]."""
        return self._log_probs(self.start(hidden)[..., 0], p_mask)

    def end_log_probs(self, hidden: tf.Tensor, starts: tf.Tensor, p_mask: tf.Tensor) -> tf.Tensor:
        """Log probabilities of ends, for each of K given starts.

        The first dense layer acts on [hidden; start] joined; its two halves are applied apart,
        so that hidden states are projected once and not once per start.

        Args:
            hidden: [B, T, d_model].
            starts: int [B, K].
            p_mask: [B, T].

        Returns:
            [B, K, T].
        """
        width = hidden.shape[-1]
        kernel = self.cast(self.end_0.kernel)
        start_hidden = tf.gather(hidden, starts, batch_dims=1)
        of_hidden = tf.einsum("btd,de->bte", hidden, kernel[:width])
        of_start = tf.einsum("bkd,de->bke", start_hidden, kernel[width:])
        joined = of_hidden[:, None] + of_start[:, :, None] + self.cast(self.end_0.bias)
        features = self.end_norm(tf.tanh(joined))
        return self._log_probs(self.end_1(features)[..., 0], p_mask[:, None])

    def answerability(
        self,
        hidden: tf.Tensor,
        start_log_probs: tf.Tensor,
        cls_index: tf.Tensor,
        seed: tf.Tensor | None,
    ) -> tf.Tensor:
        """[B] logits, high where the question has no answer."""
        start = tf.einsum("btd,bt->bd", hidden, self.cast(tf.exp(start_log_probs)))
        index = tf.reshape(tf.cast(cls_index, tf.int32), [-1])
        cls = tf.gather(hidden, index, batch_dims=1)
        features = tf.tanh(self.answer_0(tf.concat([start, cls], axis=-1)))
        features = dropout(features, self.options.dropout, seed)
        return tf.cast(self.answer_1(features)[:, 0], self.options.variable_dtype)


class QuestionAnsweringModel(NamedModel):
    """XLNet with the span head.

    Args:
        config: the network.
        options: how it is run.
        start_n_top: starts that the beam search keeps.
        end_n_top: ends that it keeps for each of them.
    """

    def __init__(
        self,
        config: XLNetConfig,
        options: ModelOptions,
        *,
        start_n_top: int = 5,
        end_n_top: int = 5,
    ) -> None:
        if start_n_top < 1 or end_n_top < 1:
            raise ValueError(
                f"start_n_top and end_n_top must be at least 1, not {start_n_top}, {end_n_top}"
            )
        super().__init__()
        self.config = config
        self.options = options
        self.start_n_top = start_n_top
        self.end_n_top = end_n_top
        self.encoder = XLNetEncoder(config, options)
        self.span = SpanHead(config, options)

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        training: bool = False,
        dropout_seed: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Finds spans.

        Args:
            features: `input_ids`, `segment_ids` int [B, T]; `input_mask`, `p_mask` [B, T];
                `cls_index` int [B]; for the loss `start_positions` int [B].
            training: whether dropout is on; then `start_positions` is needed and no beam is made.
            dropout_seed: int32 [2]; needed if `training` with dropout.

        Returns:
            `cls_logits` float32 [B]; if `start_positions` is given, `start_log_probs` and
            `end_log_probs` (given the true start) [B, T]; if not training,
            `start_top_log_probs`, `start_top_index` [B, K] and `end_top_log_probs`,
            `end_top_index` [B, K * L] (K = start_n_top, L = end_n_top; start after start).

        Raises:
            ValueError: if a feature is missing, shapes disagree or the beam is wider than the
                sequence.
        """
        names = ["input_ids", "segment_ids", "input_mask", "p_mask", "cls_index"]
        checks.required(
            features, [*names, "start_positions"] if training else names, "QuestionAnsweringModel"
        )
        input_ids, p_mask = features["input_ids"], features["p_mask"]
        seq_len = checks.static_len("input_ids", input_ids)
        checks.check_shape("p_mask", p_mask, input_ids.shape, "[batch, seq_len]")
        if max(self.start_n_top, self.end_n_top) > seq_len:
            raise ValueError(
                f"start_n_top {self.start_n_top} and end_n_top {self.end_n_top} must not exceed "
                f"seq_len {seq_len}"
            )
        encoded = self.encoder(
            input_ids,
            segment_ids=features["segment_ids"],
            input_mask=features["input_mask"],
            training=training,
            dropout_seed=dropout_seed,
        )
        hidden = encoded.hidden
        seed = check_seed(dropout_seed, needed=training and self.options.dropout > 0)
        start_log_probs = self.span.start_log_probs(hidden, p_mask)
        outputs = {
            "cls_logits": self.span.answerability(
                hidden, start_log_probs, features["cls_index"], head_seed(seed)
            )
        }
        if "start_positions" in features:
            starts = tf.reshape(tf.cast(features["start_positions"], tf.int32), [-1, 1])
            outputs["start_log_probs"] = start_log_probs
            outputs["end_log_probs"] = self.span.end_log_probs(hidden, starts, p_mask)[:, 0]
        if not training:
            outputs |= self._beam(hidden, start_log_probs, p_mask)
        return outputs

    def _beam(
        self, hidden: tf.Tensor, start_log_probs: tf.Tensor, p_mask: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        start_top_log_probs, start_top_index = tf.nn.top_k(start_log_probs, self.start_n_top)
        end_log_probs = self.span.end_log_probs(hidden, start_top_index, p_mask)
        end_top_log_probs, end_top_index = tf.nn.top_k(end_log_probs, self.end_n_top)
        width = self.start_n_top * self.end_n_top
        return {
            "start_top_log_probs": start_top_log_probs,
            "start_top_index": start_top_index,
            "end_top_log_probs": tf.reshape(end_top_log_probs, [-1, width]),
            "end_top_index": tf.reshape(end_top_index, [-1, width]),
        }
