"""What makes a pretrained model good enough to ship."""

from __future__ import annotations

import dataclasses

from components.evaluator.config import EvaluationConfig

# Of `components.trainer.pretraining.task`.
METRICS = ("perplexity", "token_accuracy", "loss")
LESS_IS_BETTER = ("perplexity", "loss")


@dataclasses.dataclass(frozen=True)
class PretrainingEvaluationConfig(EvaluationConfig):
    """The gate before the Pusher: bounds of "perplexity", "token_accuracy" and "loss"."""

    slice_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_metrics(METRICS, less_is_better=LESS_IS_BETTER)
        # Pretraining is measured on the whole held-out split.
        self.check_slices((), METRICS)
