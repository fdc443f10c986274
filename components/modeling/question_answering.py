"""The question answering model: span extraction with beam search, and answerability (SQuAD)."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from components.modeling import inputs as checks
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.dropout import check_seed
from components.modeling.encoder import XLNetEncoder, head_seed
from components.modeling.layer_norm import LayerNorm
from components.modeling.variables import Dense, NamedLayer, NamedModel

# Its negative replaces the logits of positions that cannot be in an answer, as published.
_FORBIDDEN = 1e30


class SpanHead(NamedLayer):
    """Predicts the start, the end given the start, and answerability.

    Its variables are below `start_logits`, `end_logits` and `answer_class`, as published.
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
        """Returns the log probabilities of starts, [B, T].

        Args:
            hidden: [B, T, d_model], hidden states.
            p_mask: [B, T], 1 at positions that cannot be in an answer.
        """
        return self._log_probs(self.start(hidden)[..., 0], p_mask)

    def end_log_probs(self, hidden: tf.Tensor, starts: tf.Tensor, p_mask: tf.Tensor) -> tf.Tensor:
        """Returns the log probabilities of ends, [B, K, T], for each of K given starts.

        The first dense layer acts on the concatenation [hidden; start]. Its two halves are applied
        separately, so that hidden states are projected only once and not once per start.

        Args:
            hidden: [B, T, d_model], hidden states.
            starts: int [B, K], positions of the starts.
            p_mask: [B, T], 1 at positions that cannot be in an answer.
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
        """Returns logits [B], which are high where the question has no answer.

        Args:
            hidden: [B, T, d_model], hidden states.
            start_log_probs: [B, T], log probabilities of starts.
            cls_index: int [B], position of the CLS token.
            seed: int32 [2], dropout seed, or None for no dropout.
        """
        start = tf.einsum("btd,bt->bd", hidden, self.cast(tf.exp(start_log_probs)))
        index = tf.reshape(tf.cast(cls_index, tf.int32), [-1])
        cls = tf.gather(hidden, index, batch_dims=1)
        features = tf.tanh(self.answer_0(tf.concat([start, cls], axis=-1)))
        features = self.program.dropout(features, self.options.dropout, seed)
        return tf.cast(self.answer_1(features)[:, 0], self.options.variable_dtype)


class QuestionAnsweringModel(NamedModel):
    """XLNet with the span head.

    Args:
        config: sizes of the network.
        options: how the network is run.
        start_n_top: number of start positions that the beam search keeps.
        end_n_top: number of end positions that it keeps for each start.
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
        super().__init__(options)
        self.config = config
        self.start_n_top = start_n_top
        self.end_n_top = end_n_top
        self.encoder = XLNetEncoder(config, options)
        self.span = SpanHead(config, options)

    def with_options(self, options: ModelOptions) -> QuestionAnsweringModel:
        """Returns a new model for the same network; see `NamedModel.with_options`."""
        return QuestionAnsweringModel(
            self.config, options, start_n_top=self.start_n_top, end_n_top=self.end_n_top
        )

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        training: bool = False,
        dropout_seed: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Predicts spans and answerability.

        Args:
            features: `input_ids`, `segment_ids` int [B, T]; `input_mask` [B, T], 1 marks padding;
                `p_mask` [B, T], 1 marks positions that cannot be in an answer; `cls_index` int [B];
                for the loss, `start_positions` int [B].
            training: whether dropout is on; if so, `start_positions` is required and there is no
                beam search.
            dropout_seed: int32 [2]; required in training with dropout.

        Returns:
            `cls_logits` float32 [B]; if `start_positions` is given, `start_log_probs` and
            `end_log_probs` (given the true start) [B, T]; if not training,
            `start_top_log_probs`, `start_top_index` [B, K] and `end_top_log_probs`,
            `end_top_index` [B, K * L], where K is start_n_top, L is end_n_top, and the ends of the
            first start come first.

        Raises:
            ValueError: if a feature is missing, shapes disagree, or the beam is wider than the
                sequence.
        """
        names = ["input_ids", "segment_ids", "input_mask", "p_mask", "cls_index"]
        checks.required(
            features, [*names, "start_positions"] if training else names, "QuestionAnsweringModel"
        )
        input_ids, p_mask = features["input_ids"], features["p_mask"]
        seq_len = checks.sequence_length("input_ids", input_ids, self.options)
        checks.check_shape("p_mask", p_mask, input_ids.shape, "[batch, seq_len]")
        if isinstance(seq_len, int) and max(self.start_n_top, self.end_n_top) > seq_len:
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
