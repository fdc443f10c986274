"""The section `evaluation` for question answering: when a model is good enough to be pushed."""

from __future__ import annotations

import dataclasses

from components.evaluator.config import EvaluationConfig

_PARTS = ("", "HasAns_", "NoAns_", "best_")
# Those keys of `SquadEvaluation.metrics()` that are scores, in percent; more is better for all.
METRICS = (
    *(f"{part}{score}" for part in _PARTS for score in ("exact", "f1")),
    "pr_exact_ap",
    "pr_f1_ap",
)
SLICE_METRICS = ("exact", "f1")
SLICES = ("question_word", "answer_words", "paragraph_words", "windows")


@dataclasses.dataclass(frozen=True)
class QuestionAnsweringEvaluationConfig(EvaluationConfig):
    """The thresholds before the Pusher. Scores are in percent.

    Attributes:
        slice_by: features by which the scores are shown separately: any of "question_word",
            "answer_words", "paragraph_words" and "windows".
        slice_thresholds: bounds of "exact" and "f1" on parts of the data, such as
            {"question_word": {"who": {"f1": …}}}. Like all scores, those of slices are those at
            the threshold that a pushed model applies.
    """

    slice_by: tuple[str, ...] = SLICES

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_metrics(METRICS, highest=100.0)
        self.check_slices(SLICES, SLICE_METRICS, highest=100.0)
