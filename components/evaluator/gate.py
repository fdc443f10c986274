"""Decides whether a model may be pushed, by comparing its metrics with their thresholds.

This is the gate for question answering and pretraining. Classification leaves the decision to
TFMA; see `components.evaluator.classification.tfma_config`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from components.evaluator.config import SLACK, Threshold
from components.evaluator.report_content import MetricRow
from components.shown_number import apart


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The decision of the gate.

    Attributes:
        rows: all metrics with their bounds, for the report.
        failures: why the model may not be pushed, a sentence for each reason; empty if it may.
    """

    rows: tuple[MetricRow, ...]
    failures: tuple[str, ...]

    @property
    def blessed(self) -> bool:
        """Whether the model may be pushed."""
        return not self.failures


def judge(
    metrics: Mapping[str, float],
    *,
    baseline: Mapping[str, float] | None,
    thresholds: Mapping[str, Threshold],
    where: str = "",
) -> Verdict:
    """Compares metrics with their bounds.

    Args:
        metrics: metrics of the candidate, by name.
        baseline: metrics of the latest blessed model on the same data; None if there is none.
        thresholds: bounds by name of the metric.
        where: the part of the data that was measured, such as "question_word = who", for the
            messages; empty for all of the data.
    """
    place = f" where {where}" if where else ""
    failures = []
    for name, threshold in thresholds.items():
        if name not in metrics:
            failures.append(f"{name} was not measured{place}: nothing in the data has it.")
            continue
        value = metrics[name]
        if threshold.minimum is not None and not value >= threshold.minimum:
            shown, bound = apart(value, threshold.minimum)
            failures.append(f"{name} is {shown}{place}, below the minimum of {bound}.")
        if threshold.maximum is not None and not value <= threshold.maximum:
            shown, bound = apart(value, threshold.maximum)
            failures.append(f"{name} is {shown}{place}, above the maximum of {bound}.")
        before = (baseline or {}).get(name)
        if before is None:
            continue
        drop, rise = threshold.maximum_drop, threshold.maximum_rise
        if drop is not None and not value >= before - drop - SLACK:
            change, bound = apart(before - value, drop)
            failures.append(
                f"{name} is {value:.4f}{place}, {change} lower than that of the latest "
                f"blessed model ({before:.4f}); at most {bound} is allowed."
            )
        if rise is not None and not value <= before + rise + SLACK:
            change, bound = apart(value - before, rise)
            failures.append(
                f"{name} is {value:.4f}{place}, {change} higher than that of the "
                f"latest blessed model ({before:.4f}); at most {bound} is allowed."
            )
    rows = tuple(
        MetricRow(
            name=name,
            value=value if isinstance(value, int) else float(value),
            baseline=(baseline or {}).get(name),
            threshold=thresholds.get(name),
        )
        for name, value in metrics.items()
    )
    return Verdict(rows, tuple(failures))
