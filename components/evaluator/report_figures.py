"""Draws the plots of a report as inline SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import markupsafe
import matplotlib
from matplotlib import figure, ticker

from components.evaluator.report_content import Curve, DataReport, ReliabilityBin, ThresholdCurve

# If there are more metrics than this, all of them share one panel.
_MAX_PANELS = 3


def learning_curves(history: Sequence[Mapping[str, object]]) -> markupsafe.Markup | None:
    """Plots the losses over the updates and, beside them, the metrics of the evaluations.

    Args:
        history: points of the curves; see `Report.history`.

    Returns:
        The plot as SVG, or None if the history has no training.
    """
    training = [point for point in history if point["kind"] == "train"]
    evaluations = [point for point in history if point["kind"] == "eval"]
    if not training:
        return None
    names = sorted({name for point in evaluations for name in point} - {"kind", "step", "loss"})
    # Metrics of different size, such as a perplexity and a share, need panels of their own.
    groups = [[name] for name in names] if len(names) <= _MAX_PANELS else [names]
    # A Figure, unlike pyplot, has no global state and needs no display.
    canvas = figure.Figure(figsize=(9, 3.2), layout="constrained")
    losses, *panels = canvas.subplots(1, 1 + len(groups), squeeze=False)[0]
    losses.plot(
        *_series(training, "loss"),
        label="training",
        linewidth=1.2,
        # A line with a single point would be invisible.
        marker="o" if len(training) < 2 else None,
        markersize=3,
    )
    if any("loss" in point for point in evaluations):
        losses.plot(*_series(evaluations, "loss"), label="evaluation", marker="o", markersize=3)
    losses.legend(frameon=False)
    losses.set(title="loss")
    for axes, group in zip(panels, groups, strict=True):
        for name in group:
            axes.plot(*_series(evaluations, name), label=_literal(name), marker="o", markersize=3)
        if len(group) == 1:
            # A smaller font keeps the long names of neighbouring panels apart.
            axes.set_title(_literal(group[0]), fontsize="large" if len(panels) == 1 else "medium")
        else:
            axes.set(title="metrics, evaluation")
            # Put the legend beside the plot, because it would cover some of so many lines.
            axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    for axes in (losses, *panels):
        num_ticks = 8 if len(panels) < 2 else 4
        steps = [1, 2, 2.5, 5, 10]
        axes.xaxis.set_major_locator(ticker.MaxNLocator(num_ticks, steps=steps, integer=True))
        axes.set(xlabel="update")
        axes.grid(alpha=0.3)
    return _as_svg(canvas)


def precision_recall(curves: Mapping[str, Curve]) -> markupsafe.Markup | None:
    """Plots precision over recall, with a line for each curve; None if there are no curves."""
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


def threshold_curves(curves: Mapping[str, ThresholdCurve]) -> markupsafe.Markup | None:
    """Plots scores over thresholds and marks the chosen threshold; None if there are no curves."""
    if not curves:
        return None
    canvas = figure.Figure(figsize=(6, 3.2), layout="constrained")
    axes = canvas.subplots()
    for name, curve in curves.items():
        axes.plot(curve.thresholds, curve.scores, label=name, linewidth=1.2)
        if curve.chosen is not None:
            axes.axvline(curve.chosen, color="0.5", linestyle=":", linewidth=1)
    axes.set(xlabel="threshold on the null score", ylabel="%")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return _as_svg(canvas)


def reliability(bins: Sequence[ReliabilityBin]) -> markupsafe.Markup | None:
    """Plots how often predictions are right over their probability; None if there are no bins."""
    if not bins:
        return None
    canvas = figure.Figure(figsize=(6, 4), layout="constrained")
    axes = canvas.subplots()
    axes.plot([0, 1], [0, 1], color="0.5", linestyle=":", linewidth=1, label="calibrated")
    # No line between the points: those of few examples lie anywhere.
    axes.scatter(
        [found.confidence for found in bins],
        [found.accuracy for found in bins],
        # Points from 10 to 200 square points, by their share of the examples.
        [10 + 190 * found.count / sum(one.count for one in bins) for found in bins],
        label="this model",
    )
    for found in bins:
        place = (found.confidence, found.accuracy)
        axes.annotate(f"{found.count:,}", place, (0, 8), textcoords="offset points", ha="center")
    axes.set(xlabel="probability of the predicted label", ylabel="share that is right")
    axes.set(xlim=(0, 1.03), ylim=(-0.03, 1.1))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper left")
    return _as_svg(canvas)


def lengths(data: DataReport) -> markupsafe.Markup | None:
    """Plots how long each split's examples are, and the length of a record; None if unknown."""
    if not data.lengths:
        return None
    canvas = figure.Figure(figsize=(6, 3.2), layout="constrained")
    axes = canvas.subplots()
    for split, found in data.lengths.items():
        # Texts longer than the last bound get a bin that is drawn as wide as the one before it.
        edges = [0, *found.bounds, 2 * found.bounds[-1] - found.bounds[-2]]
        shares = [100 * number / max(found.num_examples, 1) for number in found.numbers]
        axes.stairs(shares, edges, label=split, linewidth=1.4)
    axes.axvline(data.seq_len, color="0.4", linestyle=":", linewidth=1.2, label="a record's length")
    axes.set(xlabel="tokens, the last step is all that is longer", ylabel="% of the examples")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return _as_svg(canvas)


def _literal(text: str) -> str:
    """Returns a name from data so that dollar signs in it do not begin a formula."""
    return text.replace("$", r"\$")


def _as_svg(canvas: figure.Figure) -> markupsafe.Markup:
    buffer = io.StringIO()
    # Without a date and random ids in the file, the same run gives the same report.
    with matplotlib.rc_context({"svg.hashsalt": "report"}):
        canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return markupsafe.Markup(text[text.index("<svg") :])


def _series(points: Sequence[Mapping[str, object]], name: str) -> tuple[list[object], list[object]]:
    present = [point for point in points if name in point]
    return [point["step"] for point in present], [point[name] for point in present]
