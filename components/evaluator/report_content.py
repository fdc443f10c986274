"""The content of a report, which `components.evaluator.report` renders as a page."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from components import shown_number
from components.evaluator.config import Threshold
from components.preprocessing.classification.length_counts import Lengths
from components.shown_number import NOTHING


@dataclasses.dataclass(frozen=True)
class MetricRow:
    """One headline metric.

    Attributes:
        name: name of the metric.
        value: value of the candidate; an int if it is a number of examples.
        baseline: value of the latest blessed model on the same data; None if there is none.
        threshold: the configured bounds; None if there are none.
    """

    name: str
    value: float
    baseline: float | None = None
    threshold: Threshold | None = None

    @property
    def shown(self) -> str:
        """The value, formatted for display."""
        return self._shown_and_bound[0]

    @property
    def bound(self) -> str:
        """The bound of the value, formatted for display."""
        return self._shown_and_bound[1]

    @property
    def _shown_and_bound(self) -> tuple[str, str]:
        if self.threshold is not None:
            for sign, bound in (("≥", self.threshold.minimum), ("≤", self.threshold.maximum)):
                if bound is not None:
                    value, limit = shown_number.apart(self.value, bound)
                    return value, f"{sign} {limit}"
        return shown_number.shown(self.value), NOTHING

    @property
    def change_bound(self) -> str:
        """The bound of the change since the latest blessed model, formatted for display."""
        if self.threshold is None:
            return NOTHING
        for sign, bound in (
            ("−", self.threshold.maximum_drop),
            ("+", self.threshold.maximum_rise),
        ):
            if bound is not None:
                return f"{sign} {shown_number.shown(float(bound))}"
        return NOTHING


@dataclasses.dataclass(frozen=True)
class SliceRow:
    """Metrics of a part of the data.

    Attributes:
        name: name of the part, such as "label = 1".
        count: number of examples in it.
        metrics: values by name of the metric.
    """

    name: str
    count: int
    metrics: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Curve:
    """A precision–recall curve.

    Attributes:
        recalls: float [points], in ascending order.
        precisions: float [points], the precision at each recall.
    """

    recalls: np.ndarray
    precisions: np.ndarray


@dataclasses.dataclass(frozen=True)
class ThresholdCurve:
    """A score as a function of the threshold.

    Attributes:
        thresholds: float [points], in ascending order.
        scores: float [points], the score at each threshold.
        chosen: the threshold that a pushed model applies; None if it applies none.
    """

    thresholds: np.ndarray
    scores: np.ndarray
    chosen: float | None


@dataclasses.dataclass(frozen=True)
class ReliabilityBin:
    """Predictions with similar probabilities.

    Attributes:
        count: number of predictions, at least 1.
        confidence: their mean probability.
        accuracy: share of them that are right.
    """

    count: int
    confidence: float
    accuracy: float


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a text, which may be highlighted.

    Attributes:
        text: the part as it is in the data.
        mark: "given" for what the model said, "expected" for what is right, "" for neither.
    """

    text: str
    mark: str = ""


@dataclasses.dataclass(frozen=True)
class WrongExample:
    """An example that the model got wrong.

    Attributes:
        texts: the texts that the model was given, each as a sequence of parts.
        given: what the model said.
        expected: what is right.
        score: how sure or how far off the model was, in words.
    """

    texts: Sequence[Sequence[Part]]
    given: str
    expected: str
    score: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of the report.

    Attributes:
        title: heading of the table.
        header: names of the columns.
        rows: values of each row, the first of which is the name of the row.
        note: explanation of the values, if they are not obvious.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""


@dataclasses.dataclass(frozen=True)
class DataReport:
    """What is known about the data.

    Attributes:
        tables: counts and statistics.
        lengths: lengths of the texts in tokens, by split; empty if they were not counted.
        seq_len: length of the records in tokens; always set if `lengths` is not empty.
        anomalies: a sentence for each anomaly; None if the data were not checked for any.
    """

    tables: Sequence[Table]
    lengths: Mapping[str, Lengths] = dataclasses.field(default_factory=dict)
    seq_len: int | None = None
    anomalies: Sequence[str] | None = None


@dataclasses.dataclass(frozen=True)
class Report:
    """Everything that a report shows.

    Attributes:
        title: title of the page.
        blessed: whether the model may be pushed; None if that was not asked.
        failures: why it may not, a sentence for each reason.
        metrics: headline metrics.
        slices: metrics of parts of the data.
        labels: names of the classes in the order of the confusion matrix; None for tasks without
            classes.
        confusion: counts by label (row) and prediction (column), int [K, K]; None for tasks
            without classes.
        history: points of the learning curves, dicts with "kind" ("train" or "eval"), "step" and
            values by name.
        lineage: what the model was made from, by name.
        reliability: bins of the reliability curve; empty for tasks without classes.
        precision_recall: precision–recall curves by name; empty if there are none.
        slice_note: explanation of the slices' metrics, if they are not obvious.
        threshold_curves: scores in percent as functions of the threshold, by name of the score;
            empty if there are none.
        wrong_examples: examples that the model got wrong, by what is wrong with them; the worst
            come first.
        data: what was read, used and left out, and what is unusual about it; None if nothing is
            known.
        repeats: metrics by seed; None if only one seed was trained.
        notices: what happened to a considerable share of the data, a clause for each.
        data_line: everything that was left out, cut or unknown, in one line.
    """

    title: str
    blessed: bool | None
    failures: Sequence[str]
    metrics: Sequence[MetricRow]
    slices: Sequence[SliceRow]
    labels: Sequence[str] | None
    confusion: np.ndarray | None
    history: Sequence[Mapping[str, object]]
    lineage: Mapping[str, str]
    reliability: Sequence[ReliabilityBin] = ()
    precision_recall: Mapping[str, Curve] = dataclasses.field(default_factory=dict)
    slice_note: str = ""
    threshold_curves: Mapping[str, ThresholdCurve] = dataclasses.field(default_factory=dict)
    wrong_examples: Mapping[str, Sequence[WrongExample]] = dataclasses.field(default_factory=dict)
    data: DataReport | None = None
    repeats: Table | None = None
    notices: Sequence[str] = ()
    data_line: str = ""


def ordered_splits(splits: Iterable[str]) -> list[str]:
    """Sorts the names of splits: "train", then "eval", then the others by name."""
    first = ["train", "eval"]
    return sorted(splits, key=lambda split: (first.index(split) if split in first else 2, split))
