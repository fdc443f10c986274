"""What a report shows, before it becomes a page."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from components.evaluator.config import Threshold
from components.preprocessing.classification.length_counts import Lengths

NOTHING = "–"


@dataclasses.dataclass(frozen=True)
class MetricRow:
    """One headline metric.

    Attributes:
        name: of the metric.
        value: of the candidate; an int for a number of examples.
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
            return NOTHING
        low, high = self.threshold.minimum, self.threshold.maximum
        return _bound("≥", low) or _bound("≤", high) or NOTHING

    @property
    def change_bound(self) -> str:
        """Of the change since the latest blessed model, for people."""
        if self.threshold is None:
            return NOTHING
        drop, rise = self.threshold.maximum_drop, self.threshold.maximum_rise
        return _bound("−", drop) or _bound("+", rise) or NOTHING


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
        title: what is counted.
        header: names of the columns.
        rows: values, the first of each names the row.
        note: what the values mean, if it is not obvious.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""


@dataclasses.dataclass(frozen=True)
class DataReport:
    """What is known of the data.

    Attributes:
        tables: statistics.
        lengths: of the texts in tokens, by split; empty if they were not counted.
        seq_len: length of the records, if lengths are given.
        anomalies: a sentence for each; None if none were looked for.
    """

    tables: Sequence[Table]
    lengths: Mapping[str, Lengths] = dataclasses.field(default_factory=dict)
    seq_len: int | None = None
    anomalies: Sequence[str] | None = None


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
        data: what was read, used and left out, and what is unusual about it; None if nothing is
            known.
        repeats: metrics by seed; None of a single training.
        notices: what happened to the data that is more than a little, a clause each.
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
    data: DataReport | None = None
    repeats: Table | None = None
    notices: Sequence[str] = ()


def _bound(sign: str, value: float | None) -> str:
    return "" if value is None else f"{sign} {value:.4f}"


def ordered_splits(splits: Iterable[str]) -> list[str]:
    """Training first, then evaluation, then the others by name."""
    first = ["train", "eval"]
    return sorted(splits, key=lambda split: (first.index(split) if split in first else 2, split))
