"""TFX component of the evaluation of question answering."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import standard_artifacts

from components import configuration
from components.evaluator.question_answering import executor
from components.evaluator.question_answering.config import QuestionAnsweringEvaluationConfig
from components.evaluator.records_evaluator_spec import RecordsEvaluatorSpec
from components.span_decoding.decoder import DecodingConfig


class QuestionAnsweringEvaluator(base_beam_component.BaseBeamComponent):
    """Answers the evaluation questions, scores the answers, judges the model, and reports.

    Outputs: `evaluation` (ModelEvaluation with `predictions.json`, `nbest_predictions.json`,
    `null_odds.json`, `results.json`, `report.html`), `blessing` (ModelBlessing).
    """

    SPEC_CLASS = RecordsEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        *,
        records: types.BaseChannel,
        model: types.BaseChannel,
        model_run: types.BaseChannel | None,
        baseline_model: types.BaseChannel | None,
        config: QuestionAnsweringEvaluationConfig,
        decoding: DecodingConfig,
        batch_size: int,
        title: str,
        lineage: Mapping[str, str],
    ):
        """Sets up the component.

        Args:
            records: of `QuestionAnsweringPreprocessor`; the split "eval" is used.
            model: exported model.
            model_run: of the Trainer.
            baseline_model: latest blessed model.
            config: thresholds and slices.
            decoding: how answers are chosen.
            batch_size: windows per call of the model.
            title: of the report.
            lineage: what the report lists under "made from", by name.
        """
        settings = {
            "title": title,
            "evaluation": configuration.to_plain(config),
            "decoding": configuration.to_plain(decoding),
            "batch_size": batch_size,
            "lineage": dict(lineage),
        }
        super().__init__(
            spec=RecordsEvaluatorSpec(
                records=records,
                model=model,
                baseline_model=baseline_model,
                model_run=model_run,
                settings=json.dumps(settings, sort_keys=True),
                evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
