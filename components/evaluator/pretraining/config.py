"""The section `evaluation` for pretraining: when a pretrained model is good enough to be pushed."""

from __future__ import annotations

import dataclasses

from components.evaluator.config import EvaluationConfig

# The metrics that `components.trainer.pretraining.task` computes.
METRICS = ("perplexity", "token_accuracy", "loss")
LESS_IS_BETTER = ("perplexity", "loss")


@dataclasses.dataclass(frozen=True)
class PretrainingEvaluationConfig(EvaluationConfig):
    """The thresholds before the Pusher, for "perplexity", "token_accuracy" and "loss"."""

    slice_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_metrics(METRICS, less_is_better=LESS_IS_BETTER, unbounded=LESS_IS_BETTER)
        # Pretraining is measured on the whole held-out split, and has no slices.
        self.check_slices((), METRICS)
