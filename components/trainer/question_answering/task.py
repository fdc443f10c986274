"""Question answering (spans and answerability) as a task of the training loop."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
import tf_keras

from components import metric_names
from components.example_gen.question_answering.squad import Paragraph
from components.modeling import losses
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.question_answering import QuestionAnsweringModel
from components.span_decoding import decoder, squad_evaluation, window_outputs
from components.span_decoding.decoder import DecodingConfig
from components.span_decoding.window_outputs import SPAN_OUTPUTS, RecordedWindow
from components.trainer.task import Features, LossSum, State, check_features

_TARGETS = ("start_positions", "end_positions", "is_impossible")


@dataclasses.dataclass(frozen=True)
class EvaluationSet:
    """What the scores during training need, besides the records that the model reads.

    Attributes:
        paragraphs: paragraphs of the evaluation split with their questions and answers.
        windows: one window for each evaluation record, in the order of the records.
    """

    paragraphs: Sequence[Paragraph]
    windows: Sequence[RecordedWindow]


@dataclasses.dataclass(frozen=True)
class QuestionAnsweringTask:
    """Predicts whether a paragraph answers a question, and the span that does.

    Attributes:
        model_config: sizes of the network.
        model_options: dropout, initialisation, compute dtype.
        start_n_top: number of start positions that the beam search keeps.
        end_n_top: number of end positions that it keeps for each start.
        decoding: how answers are chosen.
        evaluation: data for the scores during training; None for no such scores.
    """

    model_config: XLNetConfig
    model_options: ModelOptions
    start_n_top: int
    end_n_top: int
    decoding: DecodingConfig
    evaluation: EvaluationSet | None = None

    def build_model(self) -> tf_keras.Model:
        """Returns a question answering model whose variables have all been created."""
        return QuestionAnsweringModel(
            self.model_config,
            self.model_options,
            start_n_top=self.start_n_top,
            end_n_top=self.end_n_top,
        )

    def initial_state(self, num_rows: int) -> State:
        """Returns an empty state, because nothing is carried from batch to batch."""
        del num_rows
        return {}

    def training_loss(
        self, model: tf_keras.Model, features: Features, state: State, *, dropout_seed: tf.Tensor
    ) -> tuple[LossSum, State]:
        """Returns half the span losses plus half the answerability loss, summed over examples."""
        check_features(features, _TARGETS, "question answering")
        outputs = model(features, training=True, dropout_seed=dropout_seed)
        per_example = losses.question_answering_loss(outputs, features)
        loss = LossSum(
            total=tf.reduce_sum(per_example),
            weight=tf.cast(tf.size(per_example), per_example.dtype),
        )
        return loss, state

    def evaluation_outputs(
        self, model: tf_keras.Model, features: Features, state: State
    ) -> tuple[dict[str, tf.Tensor], State]:
        """Returns beams ([B, K] starts, [B, K * L] ends), `cls_logits` [B] and `unique_ids` [B]."""
        outputs = model(
            {name: value for name, value in features.items() if name not in _TARGETS},
            training=False,
        )
        kept = {name: outputs[name] for name in SPAN_OUTPUTS}
        return {**kept, "unique_ids": features["unique_ids"]}, state

    def metrics(self, outputs: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Returns scores in percent, as SQuAD's script and the Evaluator compute them.

        The result is empty without an evaluation set.
        """
        if self.evaluation is None:
            return {}
        windows = window_outputs.join_in_record_order(self.evaluation.windows, outputs)
        contexts = window_outputs.contexts_by_question(self.evaluation.paragraphs)
        decoded = decoder.decode(windows, contexts, self.decoding)
        evaluation = squad_evaluation.evaluate_predictions(
            self.evaluation.paragraphs, decoded.predictions, decoded.null_odds
        )
        scores = evaluation.at_threshold().metrics()
        return {name: float(scores[name]) for name in metric_names.OF_ANSWERS if name in scores}
