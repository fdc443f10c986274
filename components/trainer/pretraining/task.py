"""Permutation language modelling as a task of the training loop (paper sections 2.2 to 2.5)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tf_keras

from components.modeling import losses
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.pretraining import PretrainingModel
from components.trainer.task import Features, LossSum, State, check_features

_MEMS = "mems"
_NEEDED = ("target", "target_mask", "continues")


@dataclasses.dataclass(frozen=True)
class PretrainingTask:
    """Predicts tokens of a segment in a random order, given the memory of the previous segment.

    Attributes:
        model_config: sizes of the network.
        model_options: dropout, initialisation, compute dtype, memory.
        tie_weight: whether the output layer shares the word embeddings, as published.
    """

    model_config: XLNetConfig
    model_options: ModelOptions
    tie_weight: bool = True

    def build_model(self) -> tf_keras.Model:
        """Returns a language model whose variables have all been created."""
        return PretrainingModel(self.model_config, self.model_options, tie_weight=self.tie_weight)

    def initial_state(self, num_rows: int) -> State:
        """Returns zeros [n_layer, num_rows, mem_len, d_model] as memory; none if `mem_len` is 0."""
        options = self.model_options
        if not options.mem_len:
            return {}
        shape = [self.model_config.n_layer, num_rows, options.mem_len, self.model_config.d_model]
        return {_MEMS: tf.zeros(shape, options.compute_dtype)}

    def training_loss(
        self, model: tf_keras.Model, features: Features, state: State, *, dropout_seed: tf.Tensor
    ) -> tuple[LossSum, State]:
        """Returns the cross entropy summed over the tokens to predict, weighted by their number."""
        outputs = self._run(model, features, state, training=True, dropout_seed=dropout_seed)
        per_token, mask = _token_losses(outputs["logits"], features)
        loss = LossSum(total=tf.reduce_sum(per_token * mask), weight=tf.reduce_sum(mask))
        return loss, _next_state(state, outputs)

    def evaluation_outputs(
        self, model: tf_keras.Model, features: Features, state: State
    ) -> tuple[dict[str, tf.Tensor], State]:
        """Returns the summed `loss` and the numbers of `correct` and of all `tokens` of each row.

        Only the tokens to predict count. Each output has shape [B].
        """
        outputs = self._run(model, features, state, training=False, dropout_seed=None)
        per_token, mask = _token_losses(outputs["logits"], features)
        guesses = tf.argmax(outputs["logits"], axis=-1, output_type=tf.int32)
        is_correct = tf.cast(guesses == features["target"], per_token.dtype)
        sums = {
            "loss": tf.reduce_sum(per_token * mask, axis=-1),
            "correct": tf.reduce_sum(is_correct * mask, axis=-1),
            "tokens": tf.reduce_sum(mask, axis=-1),
        }
        return sums, _next_state(state, outputs)

    def metrics(self, outputs: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Returns `loss` in nats per token, `perplexity` (exp of the loss) and `token_accuracy`."""
        loss, correct, tokens = (
            outputs[name].astype(np.float64).sum() for name in ("loss", "correct", "tokens")
        )
        mean = loss / max(tokens, 1.0)
        return {
            "loss": float(mean),
            "perplexity": float(np.exp(mean)),
            "token_accuracy": float(correct / max(tokens, 1.0)),
        }

    def _run(
        self,
        model: tf_keras.Model,
        features: Features,
        state: State,
        *,
        training: bool,
        dropout_seed: tf.Tensor | None,
    ) -> dict[str, tf.Tensor]:
        check_features(features, _NEEDED, "pretraining")
        inputs = dict(features)
        if _MEMS in state:
            # A row that begins a file does not continue the text in its memory, which is cleared.
            mems = state[_MEMS]
            continues = tf.cast(features["continues"], mems.dtype)
            inputs[_MEMS] = mems * continues[None, :, None, None]
        return model(inputs, training=training, dropout_seed=dropout_seed)


def _token_losses(logits: tf.Tensor, features: Features) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns cross entropies [B, P], and a mask that is 1 where there is a token to predict."""
    per_token = losses.language_model_loss(logits, features["target"])
    return per_token, tf.cast(features["target_mask"], per_token.dtype)


def _next_state(state: State, outputs: Mapping[str, tf.Tensor]) -> State:
    return {name: outputs[name] for name in state}
