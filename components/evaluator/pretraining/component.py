"""The TFX component that evaluates a pretrained model."""

from __future__ import annotations

from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import executor_spec

from components import configuration
from components.evaluator.pretraining import executor
from components.evaluator.pretraining.config import PretrainingEvaluationConfig
from components.evaluator.records_evaluator import RecordsEvaluator
from components.trainer.pretraining.pretrain import PretrainingConfig


class PretrainingEvaluator(RecordsEvaluator):
    """Measures a pretrained model on held-out text, applies the thresholds, and writes the report.

    Outputs: `evaluation` (ModelEvaluation with `results.json` and `report.html`), `blessing`
    (ModelBlessing).
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        *,
        config: PretrainingEvaluationConfig,
        pretraining: PretrainingConfig,
        title: str,
        lineage: Mapping[str, str],
        **channels: types.BaseChannel | None,
    ):
        """Sets up the component.

        Args:
            config: thresholds that the model has to reach.
            pretraining: configuration of the training that made the model.
            title: title of the report.
            lineage: what the report lists under "Made from", by name.
            channels: records and models; see `RecordsEvaluator`.
        """
        settings = {
            "title": title,
            "evaluation": configuration.to_plain(config),
            "pretraining": configuration.to_plain(pretraining),
            "lineage": dict(lineage),
        }
        super().__init__(settings=settings, **channels)
