"""What makes a question answering model good enough to ship."""

from __future__ import annotations

import dataclasses

from components.evaluator.config import EvaluationConfig, Threshold

_PARTS = ("", "HasAns_", "NoAns_", "best_")
# Keys of `SquadEvaluation.metrics()` of which more is better; in percent.
METRICS = (
    *(f"{part}{score}" for part in _PARTS for score in ("exact", "f1")),
    "pr_exact_ap",
    "pr_f1_ap",
)
SLICE_METRICS = ("exact", "f1")
SLICES = ("question_word", "answer_words", "paragraph_words", "windows")


@dataclasses.dataclass(frozen=True)
class QuestionAnsweringEvaluationConfig(EvaluationConfig):
    """The gate before the Pusher. Scores are in percent.

    Attributes:
        slice_by: of "question_word", "answer_words", "paragraph_words", "windows".
        slice_thresholds: bounds of "exact" and "f1" by slice, value of the slice and metric, such
            as {"question_word": {"who": {"f1": …}}}. The scores of slices are those at the
            threshold of the best F1.
    """

    slice_by: tuple[str, ...] = SLICES
    slice_thresholds: dict[str, dict[str, dict[str, Threshold]]] = dataclasses.field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_metrics(METRICS)
        unknown = sorted({*self.slice_by, *self.slice_thresholds} - set(SLICES))
        if unknown:
            raise ValueError(
                f"slice_by and slice_thresholds name {', '.join(unknown)}; the slices of question "
                f"answering are {', '.join(SLICES)}."
            )
        for name, values in self.slice_thresholds.items():
            for value, thresholds in values.items():
                wrong = sorted(set(thresholds) - set(SLICE_METRICS))
                if wrong:
                    raise ValueError(
                        f"slice_thresholds.{name}.{value} names {', '.join(wrong)}; slices are "
                        f"measured by {', '.join(SLICE_METRICS)}."
                    )
