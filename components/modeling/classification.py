"""Models for whole sequences: classification, regression, and multiple choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from components.modeling import inputs as checks
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.dropout import check_seed
from components.modeling.encoder import XLNetEncoder, head_seed
from components.modeling.variables import Dense, NamedLayer, NamedModel

_TOKENS = ("input_ids", "input_mask", "segment_ids")

# Functions from hidden [B, T, d_model] to [B, d_model], by `XLNetConfig.summary_type`. As in the
# published code, padding counts like any other position, so only "last" does not depend on the
# amount of padding.
_SUMMARIES: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "last": lambda hidden: hidden[:, -1],
    "first": lambda hidden: hidden[:, 0],
    "mean": lambda hidden: tf.reduce_mean(hidden, axis=1),
}


class SequenceSummary(NamedLayer):
    """tanh of a dense layer over a summary of the tokens; [B, T, d_model] → [B, d_model].

    `XLNetConfig.summary_type` selects the summary. The variables are `sequnece_summary/summary/…`;
    this is the published spelling.
    """

    def __init__(self, config: XLNetConfig, options: ModelOptions) -> None:
        super().__init__(options)
        self.summarize = _SUMMARIES[config.summary_type]
        self.summary = Dense(options, "sequnece_summary/summary", config.d_model, config.d_model)

    def call(self, hidden: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        """Returns the summary after dropout, [B, d_model] in the compute dtype."""
        summary = tf.tanh(self.summary(self.summarize(hidden)))
        return self.program.dropout(summary, self.options.dropout, seed)


class _SequenceModel(NamedModel):
    """Encoder, summary, and a dense output layer; outputs have the dtype of the variables."""

    def __init__(
        self, config: XLNetConfig, options: ModelOptions, output_name: str, num_outputs: int
    ) -> None:
        super().__init__(options)
        self.config = config
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
    """Logits of classes. The head's variables are `model/classification_<task_name>/logit/…`.

    Args:
        config: sizes of the network.
        options: how the network is run.
        num_classes: number of classes, at least 2.
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
        self.num_classes = num_classes
        self.task_name = task_name

    def with_options(self, options: ModelOptions) -> ClassificationModel:
        """Returns a new model for the same network; see `NamedModel.with_options`."""
        return ClassificationModel(self.config, options, self.num_classes, task_name=self.task_name)

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        training: bool = False,
        dropout_seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Returns logits, float32 [B, num_classes].

        Args:
            features: `input_ids`, `segment_ids` int [B, T]; `input_mask` [B, T], 1 marks padding.
            training: whether dropout is on.
            dropout_seed: int32 [2]; required in training with dropout.
        """
        return self._outputs(features, training, dropout_seed)


class RegressionModel(_SequenceModel):
    """One number per sequence. The head's variables are `model/regression_<task_name>/logit/…`."""

    def __init__(
        self, config: XLNetConfig, options: ModelOptions, *, task_name: str = "task"
    ) -> None:
        super().__init__(config, options, f"regression_{task_name.lower()}/logit", 1)
        self.task_name = task_name

    def with_options(self, options: ModelOptions) -> RegressionModel:
        """Returns a new model for the same network; see `NamedModel.with_options`."""
        return RegressionModel(self.config, options, task_name=self.task_name)

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        training: bool = False,
        dropout_seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Returns predictions, float32 [B]; arguments as in `ClassificationModel.call`."""
        return self._outputs(features, training, dropout_seed)[:, 0]


class MultipleChoiceModel(_SequenceModel):
    """Logits of the options of a question (RACE). The head's variables are `model/logits/dense/…`.

    Each sequence holds passage, question and one option, and gets one number. All options share the
    same head, so their order does not matter.
    """

    def __init__(self, config: XLNetConfig, options: ModelOptions) -> None:
        super().__init__(config, options, "logits/dense", 1)

    def with_options(self, options: ModelOptions) -> MultipleChoiceModel:
        """Returns a new model for the same network; see `NamedModel.with_options`."""
        return MultipleChoiceModel(self.config, options)

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        training: bool = False,
        dropout_seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Returns logits, float32 [B, num_choices].

        Args:
            features: `input_ids`, `segment_ids` int [B, num_choices, T]; `input_mask`
                [B, num_choices, T], 1 marks padding.
            training: whether dropout is on.
            dropout_seed: int32 [2]; required in training with dropout.
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
        """Returns the logits of N single options, float32 [N].

        Args:
            features: the same features as for `call`, but of shape [N, T].
            training: whether dropout is on.
            dropout_seed: int32 [2]; required in training with dropout.
        """
        return self._outputs(features, training, dropout_seed)[:, 0]
