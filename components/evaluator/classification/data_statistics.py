"""Gathers what is known about the data of a classification, for the report.

About the raw examples, this is what the ExampleGen counted, TFDV's statistics, and deviations from
the schema; about the records, the labels and lengths that the preprocessor counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components import files, manifest, plain_json
from components.evaluator.report_content import DataReport, Table, ordered_splits
from components.example_gen.counts_file import COUNTS_FILE_NAME
from components.preprocessing.classification import length_counts
from components.shown_number import NOTHING

_TRAIN, _EVAL = "train", "eval"
_MAX_CHARACTERS = 36

_Message = TypeVar("_Message")


def read(
    *,
    examples: str,
    records: str | None = None,
    statistics: str | None = None,
    anomalies: str | None = None,
    labels: Sequence[str] | None,
) -> DataReport:
    """Gathers everything that is available.

    Args:
        examples: folder of the raw examples.
        records: folder of the records made from them; None if there are none.
        statistics: folder that StatisticsGen wrote; None if there is none.
        anomalies: folder that ExampleValidator wrote; None if there is none.
        labels: labels of the task; None for regression.

    Raises:
        JsonError: if the file with the ExampleGen's counts is damaged.
    """
    counts = row_counts(examples)
    tables = [] if counts is None else [row_table(counts)]
    if statistics:
        parse = statistics_pb2.DatasetFeatureStatisticsList.FromString
        tables.append(_features(_read_by_split(statistics, parse)))
    lengths: dict[str, length_counts.Lengths] = {}
    seq_len = None
    if records:
        made = manifest.read(records)
        seq_len = made.parameters["seq_len"]
        tables += _labels(made, labels)
        found = {
            split: length_counts.read(made.counts, split, seq_len=seq_len)
            for split in ordered_splits(made.shards)
        }
        lengths = {split: counted for split, counted in found.items() if counted}
    if lengths:
        tables.append(_lengths(lengths, seq_len))
    return DataReport(
        tables=tables,
        lengths=lengths,
        seq_len=seq_len,
        anomalies=None
        if anomalies is None
        else list(
            _anomalies(_read_by_split(anomalies, anomalies_pb2.Anomalies.FromString), labels)
        ),
    )


def row_counts(examples: str) -> dict[str, dict[str, Any]] | None:
    """Reads what the ExampleGen counted, by split; None if there is no `counts.json`."""
    path = files.join(examples, COUNTS_FILE_NAME)
    try:
        return plain_json.mapping(files.read_bytes(path), where=path)
    except files.NoSuchFilesError:
        return None


def row_table(counts: Mapping[str, Mapping[str, Any]]) -> Table:
    """Makes a table of rows that were used or left out.

    Args:
        counts: content of `counts.json`.

    Raises:
        JsonError: if it does not hold what a conversion counts.
    """
    try:
        rows = [
            (
                split,
                f"{found['read']:,}",
                f"{found['produced']:,}",
                f"{found['blank']:,}",
                ", ".join(f"{n:,} {reason}" for reason, n in sorted(found["dead"].items()))
                or NOTHING,
            )
            for split, found in ((split, counts[split]) for split in ordered_splits(counts))
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise plain_json.JsonError(
            f"{COUNTS_FILE_NAME} beside the raw examples does not hold what a conversion counts "
            f"({type(error).__name__}: {error}); convert the data again."
        ) from error
    return Table(
        "Rows of the input files",
        ("split", "rows read", "used", "blank lines", "left out"),
        rows,
    )


def _features(
    by_split: Mapping[str, statistics_pb2.DatasetFeatureStatisticsList],
) -> Table:
    rows = []
    for split, statistics in by_split.items():
        for dataset in statistics.datasets:
            for feature in dataset.features:
                common = feature.string_stats.common_stats
                if not feature.HasField("string_stats"):
                    continue
                (name,) = feature.path.step
                rows.append(
                    (
                        name,
                        split,
                        _share(dataset.num_examples - common.num_non_missing, dataset.num_examples),
                        f"{feature.string_stats.unique:,}",
                        _most_frequent(feature.string_stats),
                    )
                )
    return Table(
        "Values of the raw examples",
        ("feature", "split", "missing", "different values", "most frequent value"),
        sorted(rows, key=lambda row: row[0]),
        note="Counted by TensorFlow Data Validation.",
    )


def _most_frequent(statistics: statistics_pb2.StringStatistics) -> str:
    best = max(statistics.top_values, key=lambda value: value.frequency, default=None)
    # A value that occurs only once says nothing about the data.
    if best is None or best.frequency < 2:
        return NOTHING
    text = best.value
    if len(text) > _MAX_CHARACTERS:
        text = text[:_MAX_CHARACTERS] + " …"
    return f"{text} ({best.frequency:,.0f} times)"


def _labels(made: manifest.Manifest, labels: Sequence[str] | None) -> Iterator[Table]:
    if labels is None:
        return
    splits = ordered_splits(made.shards)
    counts = {
        split: np.array([made.counts[f"{split}/labels/{label}"] for label in labels])
        for split in splits
    }
    rows: list[Sequence[object]] = [
        (label, *(_share(counts[split][index], counts[split].sum()) for split in splits))
        for index, label in enumerate(labels)
    ]
    unknown = [made.counts[f"{split}/unknown_labels"] for split in splits]
    if any(unknown):
        rows.append(("no known label", *(f"{number:,}" for number in unknown)))
    yield Table("Labels", ("label", *splits), rows, note=_label_drift(labels, counts))


def _label_drift(labels: Sequence[str], counts: Mapping[str, np.ndarray]) -> str:
    if not {_TRAIN, _EVAL} <= set(counts):
        return ""
    shares = {split: counts[split] / max(counts[split].sum(), 1) for split in (_TRAIN, _EVAL)}
    # TFDV, too, measures the drift of categorical features by the L-infinity distance.
    differences = np.abs(shares[_TRAIN] - shares[_EVAL])
    # With two labels the differences are equal except for rounding errors; this picks the first.
    most = int(np.argmax(np.round(differences, 9)))
    return (
        f"Between training and evaluation the share of “{labels[most]}” differs most, by "
        f"{100 * differences[most]:.1f} percentage points."
    )


def _lengths(lengths: Mapping[str, length_counts.Lengths], seq_len: int) -> Table:
    return Table(
        "Length in tokens",
        ("split", "examples", "median", "95 % have at most", "cut", "unknown tokens"),
        [
            (
                split,
                f"{found.num_examples:,}",
                _up_to(found, 0.5),
                _up_to(found, 0.95),
                _share(found.num_cut, found.num_examples),
                _share(found.num_unknown, found.num_tokens),
            )
            for split, found in lengths.items()
        ],
        note=(
            f"With special tokens, before texts are cut to records of {seq_len:,} tokens. Unknown "
            "are those that the vocabulary has no piece for."
        ),
    )


def _up_to(found: length_counts.Lengths, share: float) -> str:
    bound = found.quantile(share)
    return f"> {found.bounds[-1]:,}" if bound is None else f"≤ {bound:,}"


def _anomalies(
    by_split: Mapping[str, anomalies_pb2.Anomalies], labels: Sequence[str] | None
) -> Iterator[str]:
    unexpected_value = anomalies_pb2.AnomalyInfo.ENUM_TYPE_UNEXPECTED_STRING_VALUES
    for split, found in by_split.items():
        if found.data_missing:
            yield f"{split}: there is no data."
        if found.HasField("dataset_anomaly_info"):
            yield f"{split}: {found.dataset_anomaly_info.description}"
        for name, info in sorted(found.anomaly_info.items()):
            for reason in info.reason:
                # TFDV takes texts or numbers for categories if the training data have only a few
                # different ones; new values of these are no anomaly.
                if reason.type == unexpected_value and (name != "label" or labels is None):
                    continue
                yield f"{split}, {name}: {reason.short_description}. {reason.description}"


def _read_by_split(directory: str, parse: Callable[[bytes], _Message]) -> dict[str, _Message]:
    """Reads the single message in the folder of each split."""
    found = {}
    for split in ordered_splits(files.split_names(directory)):
        folder = files.join(directory, f"Split-{split}")
        (path,) = files.in_folder(folder, purpose=f"statistics of the split {split!r}")
        found[split] = parse(files.read_bytes(path))
    return found


def _share(number: int, total: int) -> str:
    return f"{number:,} ({100 * number / max(total, 1):.1f} %)" if number else "0"
