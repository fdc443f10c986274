"""Finds the labels of a data set in its training split, if the configuration leaves them out."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping

from components import decimal_number, json_text
from components.example_gen.classification import inputs, rows
from components.example_gen.classification.dataset import TRAIN_SPLIT, DatasetError, TextDataset
from components.example_gen.classification.interpretation import UnusableRowError
from components.example_gen.classification.plan import ConversionPlan

# A column with more different values, or with fewer rows for each on average, holds no labels.
_MAX_LABELS = 1000
_MIN_ROWS_PER_LABEL = 2


@dataclasses.dataclass(frozen=True)
class FoundLabels:
    """The labels of a training split.

    Attributes:
        labels: the labels in the order of their ids.
        num_rows: number of rows that have one.
    """

    labels: tuple[str, ...]
    num_rows: int


def in_order(labels: Iterable[str]) -> list[str]:
    """Sorts labels: by value if all of them are numbers, otherwise as text."""
    labels = list(labels)
    if all(decimal_number.normalize(label) for label in labels):
        return sorted(labels, key=lambda label: (float(label), label))
    return sorted(labels)


def find(dataset: TextDataset, data_root: str) -> FoundLabels:
    """Reads the labels of all rows of the training split. Rows without a label are left out.

    Args:
        dataset: description of the data set; its own labels or numbers are ignored.
        data_root: folder to which its file patterns are relative.

    Raises:
        DatasetError: if the column does not hold labels; the message says what it holds.
        NoSuchFilesError, WrongFormatError, ColumnNotFoundError: if the files cannot be read.
    """
    (split,) = dataset.splits if dataset.hash_split else (TRAIN_SPLIT,)
    counts = _count(dataset, split, data_root)
    column = dataset.columns_of(split).label
    where = f"{dataset.name}: the column {column!r} of the split {split!r}"
    if len(counts) < 2:
        only = f"the label {next(iter(counts))!r}" if counts else "no labels"
        raise DatasetError(f"{where} holds {only}, which is nothing to learn.")
    num_rows = sum(counts.values())
    if len(counts) > _MAX_LABELS or len(counts) * _MIN_ROWS_PER_LABEL > num_rows:
        raise DatasetError(
            f"{where} holds {len(counts):,} different values in {num_rows:,} rows, which look like "
            "ids or texts; name another column, or list the labels."
        )
    numbers = [decimal_number.normalize(label) for label in counts]
    if all(numbers) and not all(float(number).is_integer() for number in numbers):
        low, high = min(map(float, numbers)), max(map(float, numbers))
        raise DatasetError(
            f"{where} holds numbers with fractions, such as {json_text.shown(next(iter(counts)))}; "
            f"give label_range: [{low:g}, {high:g}] to predict a number, or list the labels."
        )
    return FoundLabels(tuple(in_order(counts)), num_rows)


def _count(dataset: TextDataset, split: str, data_root: str) -> Mapping[str, int]:
    plan = ConversionPlan(
        dataset, total_bytes={}, num_shards={}, seed=0, max_row_bytes=rows.MAX_ROW_BYTES
    )
    counts: collections.Counter[str] = collections.Counter()
    found = inputs.find_files(dataset.with_splits([split]), data_root)[split]
    has_header = dataset.has_header(split)
    for file in found:
        interpreter = None if has_header else inputs.interpreter(dataset, file, header=None)
        for item in inputs.read_items(dataset, file, max_bytes=rows.MAX_ROW_BYTES):
            if not isinstance(item, rows.Row):
                continue
            if interpreter is None:
                interpreter = inputs.interpreter(dataset, file, header=item.fields)
                continue
            try:
                label = interpreter.label(item.fields)
            except UnusableRowError:
                continue
            guid = interpreter.guid(item.fields, item.index)
            if label.strip() and plan.split_of_row(split, guid) == TRAIN_SPLIT:
                counts[label] += 1
                if len(counts) > 10 * _MAX_LABELS:
                    return counts
    return counts
