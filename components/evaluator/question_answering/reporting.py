"""Makes the verdict, the report and the results file of a question answering evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components import plain_json
from components.evaluator import gate
from components.evaluator.gate import Verdict
from components.evaluator.question_answering.config import (
    SLICE_METRICS,
    QuestionAnsweringEvaluationConfig,
)
from components.evaluator.report_content import (
    Curve,
    DataReport,
    MetricRow,
    Report,
    SliceRow,
    Table,
    ThresholdCurve,
    WrongExample,
)
from components.span_decoding.squad_evaluation import SquadEvaluation


def judge(
    evaluation: SquadEvaluation,
    *,
    baseline: SquadEvaluation | None,
    config: QuestionAnsweringEvaluationConfig,
) -> Verdict:
    """Applies all thresholds, on the whole data set and on slices.

    Args:
        evaluation: scores of the candidate.
        baseline: scores of the latest blessed model; None if there is none.
        config: the thresholds.

    Returns:
        The verdict; its rows are the metrics on the whole data set.
    """
    overall = gate.judge(
        evaluation.metrics(),
        baseline=baseline.metrics() if baseline else None,
        thresholds=config.thresholds,
    )
    failures = list(overall.failures)
    for name, by_value in config.slice_thresholds.items():
        for value, thresholds in by_value.items():
            failures += gate.judge(
                _slice_metrics(evaluation, name, value),
                baseline=_slice_metrics(baseline, name, value) if baseline else None,
                thresholds=thresholds,
                where=f"{name} = {value}",
            ).failures
    return Verdict(overall.rows, tuple(failures))


def make_report(
    evaluation: SquadEvaluation,
    *,
    metrics: Sequence[MetricRow],
    blessed: bool | None,
    failures: Sequence[str],
    slice_by: Sequence[str],
    threshold: float | None,
    title: str,
    history: Sequence[Mapping[str, object]],
    lineage: Mapping[str, str],
    wrong_examples: Mapping[str, Sequence[WrongExample]],
    data: DataReport,
    notices: Sequence[str],
    data_line: str,
    repeats: Table | None,
) -> Report:
    """Gathers the content of the report.

    Args:
        evaluation: scores of the candidate, at the threshold.
        metrics: metrics on the whole data set.
        blessed: whether the model may be pushed; None if that was not asked.
        failures: why it may not, a sentence for each reason.
        slice_by: features by whose values slices are shown.
        threshold: threshold on the null score that the pushed model applies; None if it always
            answers.
        title: title of the page.
        history: points of the learning curves; see `Report.history`.
        lineage: what the model was made from, by name.
        wrong_examples: questions that were answered wrongly, by what is wrong with the answers.
        data: what is known about the data.
        notices: what happened to a considerable share of the data, a clause for each.
        data_line: everything that was left out, cut or unknown, in one line.
        repeats: metrics by seed; None if only one seed was trained.
    """
    slices = [
        SliceRow(
            name=f"{name} = {value}",
            count=means.total,
            metrics={"exact": means.exact, "f1": means.f1},
        )
        for name, by_value in evaluation.slices.items()
        if name in slice_by
        for value, means in by_value.items()
    ]
    curves, threshold_curves = {}, {}
    if evaluation.thresholds is not None:
        threshold_curves["F1"] = ThresholdCurve(
            *evaluation.thresholds.f1_by_threshold, chosen=threshold
        )
        curves = {
            f"{name} (average precision {curve.average_precision:.2f} %)": Curve(
                curve.recalls, curve.precisions
            )
            for name, curve in evaluation.thresholds.curves.items()
        }
    return Report(
        title=title,
        blessed=blessed,
        failures=failures,
        metrics=metrics,
        slices=slices,
        slice_note=(
            "Scores of slices are those at the threshold that a pushed model applies."
            if threshold is not None
            else "Scores of slices are those of a model that always answers."
        ),
        labels=None,
        confusion=None,
        precision_recall=curves,
        threshold_curves=threshold_curves,
        wrong_examples=wrong_examples,
        data=data,
        notices=notices,
        data_line=data_line,
        history=history,
        repeats=repeats,
        lineage={
            **lineage,
            "threshold of the model": "none, it always answers"
            if threshold is None
            else f"{threshold:.4f}",
        },
    )


def results(
    evaluation: SquadEvaluation,
    *,
    blessed: bool | None,
    failures: Sequence[str],
    baseline: SquadEvaluation | None,
) -> dict[str, Any]:
    """Makes the content of `results.json`, in which NaN and infinite numbers become None."""
    return {
        "blessed": blessed,
        "failures": list(failures),
        "metrics": plain_json.finite(evaluation.metrics()),
        "baseline": plain_json.finite(baseline.metrics()) if baseline else None,
        "slices": {
            name: {
                value: {"exact": means.exact, "f1": means.f1, "total": means.total}
                for value, means in by_value.items()
            }
            for name, by_value in evaluation.slices.items()
        },
    }


def _slice_metrics(evaluation: SquadEvaluation, name: str, value: str) -> dict[str, float]:
    means = evaluation.slices.get(name, {}).get(value)
    return {metric: getattr(means, metric) for metric in SLICE_METRICS} if means else {}
