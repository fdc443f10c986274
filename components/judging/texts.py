"""Judges a model for classification, regression or multiple choice on labelled rows.

Rows are read as for a training, the model's own graph tokenizes them, and the metrics are those of
the Evaluator. Memory does not grow with the number of rows, except for regression, whose
correlations need all pairs of numbers.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from components import classification_metrics, files, glue_metrics, metric_names, tf_examples
from components.evaluator import data_notices
from components.evaluator.classification import calibration, data_statistics, roc, wrong_texts
from components.evaluator.classification import results as results_lib
from components.evaluator.report_content import DataReport, MetricRow, Report, SliceRow
from components.example_gen.classification import file_conversion, inputs, rows
from components.example_gen.classification.dataset import TextDataset
from components.example_gen.classification.plan import ConversionPlan
from components.export.signatures import SERVING_TF_EXAMPLES
from components.export.text_model import TRANSFORM_FEATURES
from components.judging import judgement
from components.judging.judgement import Judgement, JudgementError
from components.serving.pushed_model import PushedModel

SPLIT = "eval"


def labels_of(model: PushedModel) -> list[str] | None:
    """Returns the labels of a model in the order of their ids; None for regression."""
    if model.kind == "regression":
        return None
    text: dict[str, Any] = {"text_a": ["word"], "text_b": [""]}
    if model.kind == "multiple_choice":
        length = model.signatures["serving_default"].list_length("options")
        text["options"] = [["word"] * length]
    return [label.decode() for label in model.predict(**text)["labels"][0]]


def judge(
    model: PushedModel,
    dataset: TextDataset,
    data_root: str,
    *,
    directory: str,
    batch_size: int = 64,
) -> Judgement:
    """Measures a model on the split "eval" of a data set and writes the report.

    Args:
        model: a pushed model.
        dataset: description of the data; its labels have to be those of the model.
        data_root: folder to which its file pattern is relative.
        directory: folder for `report.html` and `results.json`.
        batch_size: number of rows per call of the model.

    Raises:
        JudgementError: if no row can be used; the message says why.
        NoSuchFilesError, WrongFormatError, ColumnNotFoundError: if the data cannot be read.
    """
    labels = None if dataset.is_regression else dataset.labels
    counts: collections.Counter[file_conversion.Counter] = collections.Counter()
    rows = _examples(dataset, data_root, counts)
    measured = _Numbers() if labels is None else _Classes(labels)
    first: list[tuple[bytes, np.ndarray]] = []
    while batch := list(itertools.islice(rows, batch_size)):
        scores, lengths = _run(model, batch)
        for serialized, score, length in zip(batch, scores, lengths, strict=True):
            features = tf_examples.decode(serialized)
            parts = {"length": length.decode()}
            if "level" in features:
                parts["level"] = features["level"][0].decode()
            measured.add(features["label"][0].decode(), score, parts)
        first += zip(batch, scores, strict=True)
        del first[wrong_texts.MAX_EXAMINED :]
    by_split = {SPLIT: _as_in_a_run(counts)}
    if not first:
        dead = by_split[SPLIT][file_conversion.DEAD]
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in sorted(dead.items()))
        raise JudgementError(
            f"No row of {data_root} can be used to judge the model: "
            f"{reasons or 'there are only blank lines'}. "
            + (f"The labels of the model are {', '.join(labels)}. " if labels else "")
            + "Correct the file, or name other columns."
        )
    results = measured.results(dataset.metrics, dataset.metrics_beside)
    notices = data_notices.of_classification(by_split, None)
    pattern = files.join(data_root, dataset.splits[SPLIT].pattern)
    report = Report(
        title=f"{dataset.name}: judgement of version {model.version}",
        blessed=None,
        failures=(),
        metrics=results.metrics,
        slices=results.slices,
        labels=labels,
        confusion=results.confusion,
        reliability=results.reliability,
        history=(),
        lineage=judgement.lineage(model, pattern),
        wrong_examples=wrong_texts.worst(first, labels=labels),
        data=DataReport([data_statistics.row_table(by_split)]),
        notices=[notice.text for notice in notices if notice.is_much],
    )
    # What is cut or unknown to the vocabulary is not visible from outside of the model.
    left_out = "; ".join(notice.text for notice in notices) or "no row left out"
    summary = results_lib.summary(results, labels=labels, data=left_out)
    return judgement.write(report, summary, directory)


def _examples(
    dataset: TextDataset, data_root: str, counts: collections.Counter[file_conversion.Counter]
) -> Iterator[bytes]:
    """Yields the serialized examples of the split and counts what is left out."""
    found = inputs.find_files(dataset.with_splits([SPLIT]), data_root)[SPLIT]
    plan = ConversionPlan(
        dataset,
        total_bytes={SPLIT: sum(file.num_bytes for file in found)},
        num_shards={SPLIT: 1},
        seed=0,
        max_row_bytes=rows.MAX_ROW_BYTES,
    )
    for file in found:
        for output in file_conversion.convert_file(plan, file, counts):
            if output.is_example:
                yield output.content


def _run(model: PushedModel, batch: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the scores, [B, K] or [B], and the names of the parts by length, [B]."""
    given = {"examples": np.array(batch, object)}
    scores = model.run(SERVING_TF_EXAMPLES, given)["scores"]
    classification_metrics.check_scores(scores)
    return scores, model.run(TRANSFORM_FEATURES, given)["length"]


def _as_in_a_run(
    counts: collections.Counter[file_conversion.Counter],
) -> dict[str, Any]:
    """Returns the counts of the split in the form of `counts.json`."""
    found: dict[str, Any] = {
        name: counts[SPLIT, name, ""]
        for name in (
            file_conversion.READ,
            file_conversion.PRODUCED,
            file_conversion.BLANK,
            file_conversion.MORE_LOST,
        )
    }
    found[file_conversion.DEAD] = {
        reason: number
        for (_, what, reason), number in counts.items()
        if what == file_conversion.DEAD
    }
    return found


class _Classes:
    """Adds up predictions of labels, of all rows and of parts of them."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels
        self._ids = {label: number for number, label in enumerate(labels)}
        self._confusion = np.zeros((len(labels),) * 2, np.int64)
        self._parts: dict[str, np.ndarray] = {}
        self._reliability = np.zeros((3, calibration.NUM_BINS))
        self._histogram = np.zeros((2, roc.NUM_BINS), np.int64)

    def add(self, label: str, scores: np.ndarray, parts: Mapping[str, str]) -> None:
        """Adds a row with its label and the probabilities of all labels, float [K]."""
        expected, given = self._ids[label], int(scores.argmax())
        self._confusion[expected, given] += 1
        for name, value in {"label": label, **parts}.items():
            part = self._parts.setdefault(f"{name} = {value}", np.zeros_like(self._confusion))
            part[expected, given] += 1
        self._reliability += calibration.sums(np.array([expected]), scores[None])
        if len(self._labels) == 2:
            self._histogram += roc.histogram(np.array([expected]), scores[1:])

    def results(
        self, metrics: Sequence[str], beside: Sequence[str]
    ) -> results_lib.EvaluationResults:
        """Computes the metrics."""

        def value(name: str, confusion: np.ndarray) -> float:
            if name == metric_names.CALIBRATION_ERROR:
                return calibration.expected_error(self._reliability)
            return classification_metrics.compute(name, confusion, self._labels)

        return results_lib.EvaluationResults(
            blessed=None,
            failures=(),
            metrics=tuple(
                MetricRow(name, value(name, self._confusion))
                for name in dict.fromkeys((*metrics, *beside))
            ),
            slices=tuple(
                SliceRow(part, int(confusion.sum()), {n: value(n, confusion) for n in metrics})
                for part, confusion in sorted(self._parts.items())
            ),
            confusion=self._confusion,
            roc=tuple(roc.curve(self._histogram)) if len(self._labels) == 2 else (),
            reliability=tuple(calibration.reliability(self._reliability)),
        )


class _Numbers:
    """Collects predictions of numbers, of all rows and of parts of them."""

    def __init__(self) -> None:
        self._pairs: list[tuple[float, float]] = []
        self._parts: dict[str, list[tuple[float, float]]] = {}

    def add(self, label: str, score: np.ndarray, parts: Mapping[str, str]) -> None:
        """Adds a row with its number and the predicted one."""
        pair = (float(label), float(score))
        self._pairs.append(pair)
        for name, value in parts.items():
            self._parts.setdefault(f"{name} = {value}", []).append(pair)

    def results(
        self, metrics: Sequence[str], beside: Sequence[str]
    ) -> results_lib.EvaluationResults:
        """Computes the metrics."""

        def values(pairs: list[tuple[float, float]]) -> dict[str, float]:
            expected, given = np.array(pairs).T
            return {n: glue_metrics.REGRESSION_METRICS[n](expected, given) for n in metrics}

        return results_lib.EvaluationResults(
            blessed=None,
            failures=(),
            metrics=tuple(MetricRow(name, value) for name, value in values(self._pairs).items()),
            slices=tuple(
                SliceRow(part, len(pairs), values(pairs))
                for part, pairs in sorted(self._parts.items())
            ),
            confusion=None,
        )
