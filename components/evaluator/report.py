"""Renders the report of an evaluation as one self-contained HTML file.

The report says what was measured, and why the model may be pushed or not. The template engine
escapes everything that comes from data, and opening the file fetches nothing from a network.
"""

from __future__ import annotations

import jinja2
import numpy as np

from components import classification_metrics, files, shown_number
from components.evaluator import report_figures
from components.evaluator.names import REPORT_NAME
from components.evaluator.report_content import Report, Table


def write(report: Report, directory: str) -> str:
    """Writes the page to a folder, as `report.html`; returns its path."""
    path = files.join(directory, REPORT_NAME)
    # JSON can hold half a surrogate pair, for which UTF-8 has no bytes.
    files.write_bytes(path, render(report).encode("utf-8", "replace"))
    return path


def render(report: Report) -> str:
    """Renders the page as HTML text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("components.evaluator", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = shown_number.shown
    return environment.get_template("report.html.j2").render(
        report=report,
        # Metrics with a threshold decide the verdict, so they come first.
        metrics=sorted(report.metrics, key=lambda row: row.threshold is None),
        slice_metric_names=_slice_metric_names(report),
        curves=report_figures.learning_curves(report.history),
        precision_recall=report_figures.precision_recall(report.precision_recall),
        threshold_curves=report_figures.threshold_curves(report.threshold_curves),
        lengths=report_figures.lengths(report.data) if report.data else None,
        confusion_rows=_confusion_rows(report),
        classes=_classes(report),
        reliability=report_figures.reliability(report.reliability),
    )


def _slice_metric_names(report: Report) -> list[str]:
    """Returns the names of the headline metrics that at least one slice has, too."""
    return [row.name for row in report.metrics if any(row.name in s.metrics for s in report.slices)]


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


def _classes(report: Report) -> Table | None:
    if report.confusion is None or report.labels is None:
        return None
    scores = classification_metrics.by_class(report.confusion)
    columns = zip(scores.precision, scores.recall, scores.f1, strict=True)
    rows = [
        (label, *(shown_number.shown(float(value)) for value in values), f"{support:,}")
        for label, values, support in zip(report.labels, columns, scores.support, strict=True)
    ]
    return Table("Classes", ("label", "precision", "recall", "F1", "examples"), rows)
