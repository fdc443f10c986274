"""TFX component of the evaluation of pretraining."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import standard_artifacts

from components import configuration
from components.evaluator.pretraining import executor
from components.evaluator.pretraining.config import PretrainingEvaluationConfig
from components.evaluator.records_evaluator_spec import RecordsEvaluatorSpec
from components.trainer.pretraining.pretrain import PretrainingConfig


class PretrainingEvaluator(base_beam_component.BaseBeamComponent):
    """Measures a pretrained model on held-out text, judges it, and reports.

    Outputs: `evaluation` (ModelEvaluation with `results.json` and `report.html`), `blessing`
    (ModelBlessing).
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
        config: PretrainingEvaluationConfig,
        pretraining: PretrainingConfig,
        title: str,
        lineage: Mapping[str, str],
    ):
        """Sets up the component.

        Args:
            records: of `PretrainingPreprocessor`; the split "eval" is used.
            model: exported model.
            model_run: of the Trainer.
            baseline_model: latest blessed model.
            config: thresholds.
            pretraining: configuration of the run that the model is from.
            title: of the report.
            lineage: what the report lists under "made from", by name.
        """
        settings = {
            "title": title,
            "evaluation": configuration.to_plain(config),
            "pretraining": configuration.to_plain(pretraining),
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
