"""The TFX component that evaluates a question answering model."""

from __future__ import annotations

from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import executor_spec

from components import configuration
from components.evaluator.question_answering import executor
from components.evaluator.question_answering.config import QuestionAnsweringEvaluationConfig
from components.evaluator.records_evaluator import RecordsEvaluator
from components.span_decoding.decoder import DecodingConfig


class QuestionAnsweringEvaluator(RecordsEvaluator):
    """Answers the evaluation questions, scores the answers, and applies the thresholds.

    Outputs: `evaluation` (ModelEvaluation with `predictions.json`, `nbest_predictions.json`,
    `null_odds.json`, `results.json`, `report.html`), `blessing` (ModelBlessing).
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        *,
        config: QuestionAnsweringEvaluationConfig,
        decoding: DecodingConfig,
        batch_size: int,
        title: str,
        lineage: Mapping[str, str],
        **channels: types.BaseChannel | None,
    ):
        """Sets up the component.

        Args:
            config: thresholds that the model has to reach, and slices to show.
            decoding: how answers are chosen from the model's outputs.
            batch_size: number of windows per call of the model.
            title: title of the report.
            lineage: what the report lists under "Made from", by name.
            channels: records and models; see `RecordsEvaluator`.
        """
        settings = {
            "title": title,
            "evaluation": configuration.to_plain(config),
            "decoding": configuration.to_plain(decoding),
            "batch_size": batch_size,
            "lineage": dict(lineage),
        }
        super().__init__(settings=settings, **channels)
