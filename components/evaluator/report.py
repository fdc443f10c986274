"""The report of an evaluation: one self-contained HTML file that says what was measured and why
the model ships or does not.

Everything that comes from data is escaped by the template engine; nothing is fetched when the
file is opened.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping, Sequence

import jinja2
import markupsafe
import matplotlib
import numpy as np
from matplotlib import figure

from components.evaluator.config import Threshold

_NOTHING = "–"


@dataclasses.dataclass(frozen=True)
class MetricRow:
    """One headline metric.

    Attributes:
        name: of the metric.
        value: of the candidate.
        baseline: of the latest blessed model on the same data; None without one.
        threshold: configured bounds; None for none.
    """

    name: str
    value: float
    baseline: float | None = None
    threshold: Threshold | None = None

    @property
    def bound(self) -> str:
        """Of the value, for people."""
        if self.threshold is None:
            return _NOTHING
        low, high = self.threshold.minimum, self.threshold.maximum
        return _bound("≥", low) or _bound("≤", high) or _NOTHING

    @property
    def change_bound(self) -> str:
        """Of the change since the latest blessed model, for people."""
        if self.threshold is None:
            return _NOTHING
        drop, rise = self.threshold.maximum_drop, self.threshold.maximum_rise
        return _bound("−", drop) or _bound("+", rise) or _NOTHING


@dataclasses.dataclass(frozen=True)
class SliceRow:
    """Metrics of a part of the data.

    Attributes:
        name: such as "label = 1".
        count: examples in it.
        metrics: values by name.
    """

    name: str
    count: int
    metrics: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Curve:
    """A precision–recall curve.

    Attributes:
        recalls: float [points], rising.
        precisions: float [points].
    """

    recalls: np.ndarray
    precisions: np.ndarray


@dataclasses.dataclass(frozen=True)
class ThresholdCurve:
    """A score over the thresholds that could be chosen.

    Attributes:
        thresholds: float [points], rising.
        scores: float [points].
        chosen: the threshold that is applied.
    """

    thresholds: np.ndarray
    scores: np.ndarray
    chosen: float


@dataclasses.dataclass(frozen=True)
class Part:
    """A piece of a text.

    Attributes:
        text: as it stands in the data.
        mark: "" for none, "given" for what the model said, "expected" for what is right.
    """

    text: str
    mark: str = ""


@dataclasses.dataclass(frozen=True)
class WrongExample:
    """Something that the model got wrong.

    Attributes:
        texts: what it was given, each as parts that follow one another.
        given: what it said.
        expected: what is right.
        score: how sure it was, in words.
    """

    texts: Sequence[Sequence[Part]]
    given: str
    expected: str
    score: str


@dataclasses.dataclass(frozen=True)
class Table:
    """Counts and the like.

    Attributes:
        header: names of the columns.
        rows: values, the first of each names the row.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclasses.dataclass(frozen=True)
class Report:
    """All that a report shows.

    Attributes:
        title: of the page.
        blessed: whether the model ships.
        failures: why it does not, a sentence each.
        metrics: headline metrics.
        slices: metrics of parts of the data.
        labels: class names in the order of the confusion matrix; None for regression.
        confusion: counts by label (row) and prediction (column), int [K, K]; None for regression.
        history: points of the curves, dicts with "kind" ("train" or "eval"), "step" and values.
        lineage: what the model was made from, by name.
        precision_recall: curves by name; empty for none.
        slice_note: what the slices' metrics mean, if it is not obvious.
        threshold_curves: scores (in percent) over thresholds by name, "best" marked; empty for
            none.
        wrong_examples: by what is wrong with them, the worst first.
        data: what was read, used and left out; None if nothing is known.
        repeats: metrics by seed; None of a single training.
    """

    title: str
    blessed: bool
    failures: Sequence[str]
    metrics: Sequence[MetricRow]
    slices: Sequence[SliceRow]
    labels: Sequence[str] | None
    confusion: np.ndarray | None
    history: Sequence[Mapping[str, object]]
    lineage: Mapping[str, str]
    precision_recall: Mapping[str, Curve] = dataclasses.field(default_factory=dict)
    slice_note: str = ""
    threshold_curves: Mapping[str, ThresholdCurve] = dataclasses.field(default_factory=dict)
    wrong_examples: Mapping[str, Sequence[WrongExample]] = dataclasses.field(default_factory=dict)
    data: Table | None = None
    repeats: Table | None = None


def render(report: Report) -> str:
    """The page as HTML text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("components.evaluator", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = _format_number
    return environment.get_template("report.html.j2").render(
        report=report,
        slice_metric_names=_slice_metric_names(report),
        curves=_curves(report.history),
        precision_recall=_precision_recall(report.precision_recall),
        threshold_curves=_threshold_curves(report.threshold_curves),
        confusion_rows=_confusion_rows(report),
    )


def _slice_metric_names(report: Report) -> list[str]:
    """Headline metrics that slices have as well."""
    return [row.name for row in report.metrics if any(row.name in s.metrics for s in report.slices)]


def _format_number(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.4f}"


def _bound(sign: str, value: float | None) -> str:
    return "" if value is None else f"{sign} {value:.4f}"


def _confusion_rows(report: Report) -> list[dict[str, object]]:
    if report.confusion is None or report.labels is None:
        return []
    rows = []
    for label, counts in zip(report.labels, np.asarray(report.confusion), strict=True):
        shares = counts / max(counts.sum(), 1)
        cells = [
            {"count": int(count), "share": float(share)}
            for count, share in zip(counts, shares, strict=True)
        ]
        rows.append({"label": label, "cells": cells})
    return rows


def _curves(history: Sequence[Mapping[str, object]]) -> markupsafe.Markup | None:
    """Loss over the updates, and the metrics of the evaluations beside it, as inline SVG."""
    training = [point for point in history if point["kind"] == "train"]
    evaluations = [point for point in history if point["kind"] == "eval"]
    if not training:
        return None
    # Figure instead of pyplot: no global state, no display.
    canvas = figure.Figure(figsize=(9, 3.2), layout="constrained")
    losses, metrics = canvas.subplots(1, 2)
    losses.plot(*_series(training, "loss"), label="training", linewidth=1.2)
    if any("loss" in point for point in evaluations):
        losses.plot(*_series(evaluations, "loss"), label="evaluation", marker="o", markersize=3)
    losses.set(title="loss", xlabel="update")
    names = sorted({name for point in evaluations for name in point} - {"kind", "step", "loss"})
    for name in names:
        metrics.plot(*_series(evaluations, name), label=name, marker="o", markersize=3)
    metrics.set(title="metrics on the evaluation split", xlabel="update")
    for axes in (losses, metrics):
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False)
    return _as_svg(canvas)


def _precision_recall(curves: Mapping[str, Curve]) -> markupsafe.Markup | None:
    if not curves:
        return None
    canvas = figure.Figure(figsize=(6, 4), layout="constrained")
    axes = canvas.subplots()
    for name, curve in curves.items():
        axes.step(curve.recalls, curve.precisions, where="post", label=name, linewidth=1.2)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower left")
    return _as_svg(canvas)


def _threshold_curves(curves: Mapping[str, ThresholdCurve]) -> markupsafe.Markup | None:
    if not curves:
        return None
    canvas = figure.Figure(figsize=(6, 3.2), layout="constrained")
    axes = canvas.subplots()
    for name, curve in curves.items():
        axes.plot(curve.thresholds, curve.scores, label=name, linewidth=1.2)
        axes.axvline(curve.chosen, color="0.5", linestyle=":", linewidth=1)
    axes.set(xlabel="threshold on the null score", ylabel="%")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return _as_svg(canvas)


def _as_svg(canvas: figure.Figure) -> markupsafe.Markup:
    buffer = io.StringIO()
    # No date and no random ids in the file: the same run gives the same report.
    with matplotlib.rc_context({"svg.hashsalt": "report"}):
        canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return markupsafe.Markup(text[text.index("<svg") :])


def _series(points: Sequence[Mapping[str, object]], name: str) -> tuple[list[object], list[object]]:
    present = [point for point in points if name in point]
    return [point["step"] for point in present], [point[name] for point in present]
