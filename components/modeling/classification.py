"""Classification and regression of whole sequences, and the choice among several of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from components.modeling import inputs as checks
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.dropout import check_seed, dropout
from components.modeling.encoder import XLNetEncoder, head_seed
from components.modeling.variables import Dense, NamedLayer, NamedModel

_TOKENS = ("input_ids", "input_mask", "segment_ids")

# By `XLNetConfig.summary_type`: hidden [B, T, d_model] → [B, d_model]. Padding counts like any
# other position, as in the published code; so only the last token is independent of its amount.
_SUMMARIES: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "last": lambda hidden: hidden[:, -1],
    "first": lambda hidden: hidden[:, 0],
    "mean": lambda hidden: tf.reduce_mean(hidden, axis=1),
}


class SequenceSummary(NamedLayer):
    """tanh of a dense layer over a summary of the tokens; [B, T, d_model] → [B, d_model].

    Which summary, `XLNetConfig.summary_type` says. Variables `sequnece_summary/summary/…`: the
    published name, spelling and all.
    """

    def __init__(self, config: XLNetConfig, options: ModelOptions) -> None:
        super().__init__(options)
        self.summarize = _SUMMARIES[config.summary_type]
        self.summary = Dense(options, "sequnece_summary/summary", config.d_model, config.d_model)

    def call(self, hidden: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        """The summary after dropout, in the compute dtype."""
        summary = tf.tanh(self.summary(self.summarize(hidden)))
        return dropout(summary, self.options.dropout, seed)


class _SequenceModel(NamedModel):
    """Encoder, summary, and a dense layer in the variables' dtype."""

    def __init__(
        self, config: XLNetConfig, options: ModelOptions, output_name: str, num_outputs: int
    ) -> None:
        super().__init__()
        self.config = config
        self.options = options
        self.encoder = XLNetEncoder(config, options)
        self.sequence_summary = SequenceSummary(config, options)
        self.logit = Dense(options, output_name, config.d_model, num_outputs)

    def _outputs(
        self,
        features: Mapping[str, tf.Tensor],
        training: bool,
        dropout_seed: tf.Tensor | None,
    ) -> tf.Tensor:
        checks.required(features, _TOKENS, type(self).__name__)
        encoded = self.encoder(
            features["input_ids"],
            segment_ids=features["segment_ids"],
            input_mask=features["input_mask"],
            training=training,
            dropout_seed=dropout_seed,
        )
        seed = check_seed(dropout_seed, needed=training and self.options.dropout > 0)
        summary = self.sequence_summary(encoded.hidden, head_seed(seed))
        return tf.cast(self.logit(summary), self.options.variable_dtype)


class ClassificationModel(_SequenceModel):
    """Logits of classes; variables of the head: `model/classification_<task_name>/logit/…`.

    Args:
        config: the network.
        options: how it is run.
        num_classes: at least 2.
        task_name: part of the head's published name (`mnli`, `imdb`, …).
    """

    def __init__(
        self,
        config: XLNetConfig,
        options: ModelOptions,
        num_classes: int,
        *,
        task_name: str = "task",
    ) -> None:
        if num_classes < 2:
            raise ValueError(f"num_classes must be at least 2, not {num_classes}")
        super().__init__(config, options, f"classification_{task_name.lower()}/logit", num_classes)

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        training: bool = False,
        dropout_seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Logits float32 [B, num_classes].

        Args:
            features: `input_ids`, `segment_ids` int [B, T]; `input_mask` [B, T], 1 marks padding.
            training: whether dropout is on.
            dropout_seed: int32 [2]; needed if `training` with dropout.
        """
        return self._outputs(features, training, dropout_seed)


class RegressionModel(_SequenceModel):
    """A number per sequence; variables of the head: `model/regression_<task_name>/logit/…`."""

    def __init__(
        self, config: XLNetConfig, options: ModelOptions, *, task_name: str = "task"
    ) -> None:
        super().__init__(config, options, f"regression_{task_name.lower()}/logit", 1)

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        training: bool = False,
        dropout_seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Predictions float32 [B]; arguments as in `ClassificationModel.call`."""
        return self._outputs(features, training, dropout_seed)[:, 0]


class MultipleChoiceModel(_SequenceModel):
    """Logits of the options of a question (RACE); variables of the head: `model/logits/dense/…`.

    One number for each sequence, which holds passage, question and one option; the same head for
    all, so the order of the options does not matter.
    """

    def __init__(self, config: XLNetConfig, options: ModelOptions) -> None:
        super().__init__(config, options, "logits/dense", 1)

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        training: bool = False,
        dropout_seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Logits float32 [B, num_choices].

        Args:
            features: `input_ids`, `segment_ids` int [B, num_choices, T]; `input_mask` likewise, 1
                marks padding.
            training: whether dropout is on.
            dropout_seed: int32 [2]; needed if `training` with dropout.
        """
        checks.required(features, _TOKENS, type(self).__name__)
        tokens = {name: tf.convert_to_tensor(features[name]) for name in _TOKENS}
        for name, value in tokens.items():
            checks.check_shape(name, value, [None] * 3, "[batch, num_choices, seq_len]")
        num_choices, length = tokens["input_ids"].shape[1:]
        sequences = {name: tf.reshape(value, [-1, length]) for name, value in tokens.items()}
        scores = self.sequence_scores(sequences, training, dropout_seed)
        return tf.reshape(scores, [-1, num_choices])

    def sequence_scores(
        self,
        features: Mapping[str, tf.Tensor],
        training: bool = False,
        dropout_seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Logits float32 [N] of single options.

        Args:
            features: as of `call`, but [N, T].
            training: whether dropout is on.
            dropout_seed: int32 [2]; needed if `training` with dropout.
        """
        return self._outputs(features, training, dropout_seed)[:, 0]
