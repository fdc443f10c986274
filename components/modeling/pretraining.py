"""The permutation language model for pretraining (paper sections 2.2 and 2.3)."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from components.modeling import inputs as checks
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.encoder import XLNetEncoder
from components.modeling.fused_ops import add_bias, project
from components.modeling.variables import NamedLayer, NamedModel


class LanguageModelHead(NamedLayer):
    """Logits over the pieces of the vocabulary.

    The variables are `lm_loss/bias` [n_token] and, if the weights are not tied to the embeddings,
    `lm_loss/weight` [n_token, d_model].
    """

    def __init__(self, config: XLNetConfig, options: ModelOptions, *, tie_weight: bool) -> None:
        super().__init__(options)
        shape = [config.n_token, config.d_model]
        self.weight = None if tie_weight else self.variable("lm_loss/weight", shape)
        self.bias = self.variable(
            "lm_loss/bias", [config.n_token], init="zeros", dtype=options.variable_dtype
        )

    def call(self, hidden: tf.Tensor, lookup_table: tf.Variable) -> tf.Tensor:
        """Returns logits, float32 [B, P, n_token].

        Args:
            hidden: [B, P, d_model], hidden states.
            lookup_table: [n_token, d_model], word embeddings; used if the weights are tied.
        """
        weight = lookup_table if self.weight is None else self.weight
        logits = project(hidden, self.cast(weight), transpose=True)
        logits = tf.cast(logits, self.options.variable_dtype)
        return add_bias(logits, tf.convert_to_tensor(self.bias), program=self.program)


def positions_of(target_mapping: tf.Tensor) -> tf.Tensor:
    """Returns the positions, int32 [B, P], in a one-hot [B, P, T] mapping; -1 for rows of zeros."""
    positions = tf.argmax(target_mapping, axis=-1, output_type=tf.int32)
    return tf.where(tf.reduce_max(target_mapping, axis=-1) > 0, positions, -1)


class PretrainingModel(NamedModel):
    """XLNet with the head of the permutation language model.

    Args:
        config: sizes of the network.
        options: how the network is run.
        tie_weight: whether the output layer shares the word embeddings, as published.
    """

    def __init__(
        self, config: XLNetConfig, options: ModelOptions, *, tie_weight: bool = True
    ) -> None:
        super().__init__(options)
        self.config = config
        self.encoder = XLNetEncoder(config, options)
        self.lm_loss = LanguageModelHead(config, options, tie_weight=tie_weight)

    def with_options(self, options: ModelOptions) -> PretrainingModel:
        """Returns a new model for the same network; see `NamedModel.with_options`."""
        return PretrainingModel(self.config, options, tie_weight=self.lm_loss.weight is None)

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        training: bool = False,
        dropout_seed: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Predicts pieces from the query stream.

        Args:
            features: `input_k` int [B, T]; `seg_id` int [B, T]; `perm_mask` [B, T, T], 1 where
                token i may not see token j. The positions to predict are given by
                `target_positions` int [B, P] (-1 is padding) or by `target_mapping` [B, P, T]
                (one-hot rows; rows of zeros are padding). Without either, all T positions are
                predicted, and `input_q` [B, T] marks those whose own token is hidden. Optional:
                `input_mask` [B, T], 1 marks padding; `mems` [n_layer, B, M, d_model]. Other
                features, such as `target`, are ignored.
            training: whether dropout is on.
            dropout_seed: int32 [2]; required in training with dropout.

        Returns:
            `logits` float32 [B, P, n_token]; `hidden` [B, P, d_model] of the query stream; if
            `mem_len` is not 0, `mems` [n_layer, B, M', d_model] for the next segment.

        Raises:
            ValueError: if a feature is missing or shapes disagree.
        """
        checks.required(features, ["input_k", "seg_id", "perm_mask"], "PretrainingModel")
        input_ids = features["input_k"]
        positions = features.get("target_positions")
        if positions is None and features.get("target_mapping") is not None:
            mapping = features["target_mapping"]
            expected = [input_ids.shape[0], None, input_ids.shape[1]]
            checks.check_shape("target_mapping", mapping, expected, "[batch, num_predict, seq_len]")
            positions = positions_of(mapping)
        if positions is None:
            checks.required(
                features, ["input_q"], "PretrainingModel without target_positions or target_mapping"
            )
        encoded = self.encoder(
            input_ids,
            segment_ids=features["seg_id"],
            input_mask=features.get("input_mask"),
            perm_mask=features["perm_mask"],
            mems=features.get("mems"),
            target_positions=positions,
            input_q=features.get("input_q"),
            training=training,
            dropout_seed=dropout_seed,
        )
        outputs = {
            "logits": self.lm_loss(encoded.query_hidden, self.encoder.word_embedding.lookup_table),
            "hidden": encoded.query_hidden,
        }
        if encoded.mems is not None:
            outputs["mems"] = encoded.mems
        return outputs
