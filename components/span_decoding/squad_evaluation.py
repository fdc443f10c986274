"""Scores predictions for a SQuAD data set: all that the official script reports, and slices."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from components.example_gen.question_answering import squad, squad_labels
from components.example_gen.question_answering.squad import Paragraph
from components.span_decoding import squad_slices
from components.span_decoding.squad_metrics import (
    MeanScores,
    QuestionScores,
    mean_scores,
    score_questions,
)
from components.span_decoding.squad_thresholds import (
    BestThreshold,
    PrecisionRecall,
    best_threshold,
    precision_recall,
    score_by_threshold,
)

_MAX_NAMED = 5


class PredictionsError(ValueError):
    """Predictions that do not fit the data set; the message names the question ids."""


@dataclasses.dataclass(frozen=True)
class ThresholdResult:
    """Results that need null odds.

    Attributes:
        best_exact: threshold with the best exact match.
        best_f1: threshold with the best F1.
        at_best_f1: mean scores at the threshold with the best F1, for all questions ("total") and
            for those with and without an answer ("HasAns", "NoAns").
        f1_by_threshold: ascending thresholds, and the F1 at each of them.
        curves: precision–recall curves "exact", "f1", and "oracle" (as if every answer were
            right); empty if no question has an answer.
    """

    best_exact: BestThreshold
    best_f1: BestThreshold
    at_best_f1: Mapping[str, MeanScores]
    f1_by_threshold: tuple[np.ndarray, np.ndarray]
    curves: Mapping[str, PrecisionRecall]


@dataclasses.dataclass(frozen=True)
class SquadEvaluation:
    """Scores of predictions.

    Attributes:
        scores: mean scores of the predictions without a threshold, for all questions ("total") and
            for those with and without an answer ("HasAns", "NoAns"), as in the official script.
        thresholds: results that need null odds; None if there are none.
        slices: mean scores by slice and value, at `threshold`.
    """

    scores: Mapping[str, MeanScores]
    thresholds: ThresholdResult | None
    slices: Mapping[str, Mapping[str, MeanScores]]

    @property
    def threshold(self) -> float | None:
        """The null odds above which a model is to leave questions unanswered: those of the best F1.

        None stands for a model that always answers. If every question has an answer, as in SQuAD
        1.1, nothing is known about others.
        """
        if self.thresholds is None or not self.scores["NoAns"].total:
            return None
        return self.thresholds.best_f1.threshold

    def at_threshold(self) -> SquadEvaluation:
        """Returns the evaluation with the `scores` at `threshold`.

        They are those that the official script gives with this `--na-prob-thresh`.
        """
        if self.threshold is None:
            return self
        return dataclasses.replace(self, scores=self.thresholds.at_best_f1)

    def metrics(self) -> dict[str, float | int]:
        """Returns all numbers in a flat dict, under the official script's names; scores in percent.

        `HasAns_*` and `NoAns_*` are left out if there are no such questions, `best_*` and `pr_*_ap`
        if there are no null odds. (The reference's `has_ans_exact` is `HasAns_exact` / 100.)
        """
        found: dict[str, float | int] = {}
        for name, means in self.scores.items():
            prefix = "" if name == "total" else f"{name}_"
            if means.total or not prefix:
                found |= {
                    f"{prefix}exact": means.exact,
                    f"{prefix}f1": means.f1,
                    f"{prefix}total": means.total,
                }
        if self.thresholds is not None:
            best_exact, best_f1 = self.thresholds.best_exact, self.thresholds.best_f1
            found |= {
                "best_exact": best_exact.score,
                "best_exact_thresh": best_exact.official,
                "best_f1": best_f1.score,
                "best_f1_thresh": best_f1.official,
            }
            for name, curve in self.thresholds.curves.items():
                found[f"pr_{name}_ap"] = curve.average_precision
        return found


def read_dataset(path: str) -> list[Paragraph]:
    """Reads the paragraphs of a SQuAD file.

    Raises:
        SquadFormatError: if the file is damaged.
        PredictionsError: if a part of the file cannot be used, because then scores would not be
            comparable.
    """
    paragraphs = []
    for item in squad.read_file(path):
        if not isinstance(item, Paragraph):
            raise PredictionsError(
                f"{item.source}, {item.position}: {item.reason} ({item.detail}). Scores are given "
                "for whole data sets only; fix the file."
            )
        paragraphs.append(item)
    return paragraphs


def evaluate_predictions(
    dataset: Sequence[Paragraph],
    predictions: Mapping[str, str],
    null_odds: Mapping[str, float] | None = None,
    *,
    num_windows: Mapping[str, int] | None = None,
) -> SquadEvaluation:
    """Scores predictions.

    Args:
        dataset: paragraphs of a whole data set (see `read_dataset`).
        predictions: answers by question id; "" leaves the question unanswered. Those to questions
            that the data set does not have are ignored.
        null_odds: by question id; the larger, the less likely the question is answerable.
        num_windows: number of windows by question id, for the slice "windows".

    Raises:
        PredictionsError: if questions have no prediction or no null odds, or values have a wrong
            type, in which cases the message names the questions; or if the data set has no
            questions.
        UnlabelledError: if a question does not say what the right answer is; the message names it.
    """
    questions = [question for paragraph in dataset for question in paragraph.questions]
    if not questions:
        raise PredictionsError("The data set has no questions.")
    squad_labels.check(dataset)
    ids = [question.id for question in questions]
    _check_complete(ids, predictions, "prediction")
    _check_values(
        (i for i in ids if not isinstance(predictions[i], str)), "predictions are not text"
    )
    answers = [[answer.text for answer in question.answers] for question in questions]
    scores = score_questions(answers, [predictions[i] for i in ids])
    thresholds = None
    final = scores
    if null_odds is not None:
        _check_complete(ids, null_odds, "null odds")
        _check_values((i for i in ids if not _is_number(null_odds[i])), "null odds are not numbers")
        odds = np.array([null_odds[i] for i in ids], np.float64)
        # Questions with equal odds are taken in the order in which the odds are given, as in the
        # official script.
        place = {question_id: index for index, question_id in enumerate(ids)}
        order = np.array([place[i] for i in null_odds if i in place])
        thresholds = _search(scores.in_order(order), odds[order])
        if not scores.has_answer.all():
            final = scores.with_threshold(odds, thresholds.best_f1.threshold)
    return SquadEvaluation(
        scores=_parts(scores),
        thresholds=thresholds,
        slices=squad_slices.slice_scores(dataset, final, num_windows=num_windows),
    )


def _search(scores: QuestionScores, odds: np.ndarray) -> ThresholdResult:
    best_f1 = best_threshold(scores.f1, scores, odds)
    curves = {}
    if scores.has_answer.any():
        ones = np.ones(len(odds))
        curves = {
            name: precision_recall(values, scores.has_answer, odds)
            for name, values in (("exact", scores.exact), ("f1", scores.f1), ("oracle", ones))
        }
    return ThresholdResult(
        best_exact=best_threshold(scores.exact, scores, odds),
        best_f1=best_f1,
        at_best_f1=_parts(scores.with_threshold(odds, best_f1.threshold)),
        f1_by_threshold=score_by_threshold(scores.f1, scores, odds),
        curves=curves,
    )


def _parts(scores: QuestionScores) -> dict[str, MeanScores]:
    return {
        "total": mean_scores(scores),
        "HasAns": mean_scores(scores, scores.has_answer),
        "NoAns": mean_scores(scores, ~scores.has_answer),
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _check_complete(ids: Sequence[str], values: Mapping[str, Any], what: str) -> None:
    missing = [question_id for question_id in ids if question_id not in values]
    if missing:
        raise PredictionsError(
            f"{len(missing):,} of {len(ids):,} questions have no {what}, e.g. "
            f"{', '.join(missing[:_MAX_NAMED])}. Every question of the data set needs one (an "
            "empty prediction leaves it unanswered)."
        )


def _check_values(wrong: Iterable[str], what: str) -> None:
    named = list(wrong)
    if named:
        raise PredictionsError(f"{len(named):,} {what}, e.g. of {', '.join(named[:_MAX_NAMED])}.")
