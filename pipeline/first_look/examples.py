"""Reads a table as a run would: which rows become examples, in which split, and how long they are.

The rows are interpreted and divided by the components' own code, so the numbers are those of the
run.
"""

from __future__ import annotations

import array
import collections
import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from components.example_gen.classification import inputs, rows
from components.example_gen.classification.dataset import TextDataset
from components.example_gen.classification.interpretation import (
    RowInterpreter,
    UnusableRowError,
)
from components.example_gen.classification.plan import ConversionPlan
from pipeline.first_look import table
from pipeline.first_look.source import Source
from pipeline.first_look.text_lengths import TextLengths


@dataclasses.dataclass(frozen=True)
class Examples:
    """What a table gives for training and evaluation.

    Attributes:
        counts: number of examples of each split.
        labels: number of examples of each label, by split; empty for regression.
        skipped: number of rows that cannot be used, by reason.
        duplicates: number of examples whose texts equal those of an earlier one.
        contradictions: number of those whose label differs from the earlier one's.
        across: number of examples of the evaluation whose texts are in the training as well.
        lengths: lengths of the texts of an example, together.
        rows: id and label of each example that may be in either split, for choosing a division.
    """

    counts: Mapping[str, int]
    labels: Mapping[str, Mapping[str, int]]
    skipped: Mapping[str, int]
    duplicates: int
    contradictions: int
    across: int
    lengths: TextLengths
    rows: Sequence[tuple[str, str | None]] = ()

    @property
    def total(self) -> int:
        """Number of examples in all splits."""
        return sum(self.counts.values())

    @property
    def num_skipped(self) -> int:
        """Number of rows that cannot be used."""
        return sum(self.skipped.values())


def examine(sources: Mapping[str, Source], dataset: TextDataset, *, max_rows: int) -> Examples:
    """Reads the rows of a table as a run with this data set would.

    Args:
        sources: the table of each split of the data set; a single one if it has a `hash_split`.
        dataset: description of the data set.
        max_rows: largest number of rows to read of each table.
    """
    # The other settings of a plan order the examples, which does not matter here.
    plan = ConversionPlan(
        dataset, total_bytes={}, num_shards={}, seed=0, max_row_bytes=rows.MAX_ROW_BYTES
    )
    counts: collections.Counter[str] = collections.Counter()
    skipped: collections.Counter[str] = collections.Counter()
    labels: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    lengths = TextLengths()
    splits_of: dict[int, set[str]] = {}
    label_of: dict[int, str | None] = {}
    keys_of: dict[str, array.array] = collections.defaultdict(lambda: array.array("q"))
    duplicates = contradictions = 0
    ids: list[tuple[str, str | None]] = []
    for name, interpreter, item in _items(sources, dataset, max_rows):
        if isinstance(item, rows.BadRow):
            skipped[item.reason] += 1
            continue
        guid = interpreter.guid(item.fields, item.index)
        try:
            example = interpreter.interpret(item.fields, guid=guid, line=item.line)
        except UnusableRowError as error:
            skipped[error.reason] += 1
            continue
        split = plan.split_of_row(name, guid)
        if dataset.hash_split:
            ids.append((guid, example.label))
        counts[split] += 1
        if not dataset.is_regression:
            labels[split][example.label] += 1
        texts = (example.text_a, example.text_b or "")
        lengths.add(*texts)
        key = hash(texts)
        if key in label_of:
            duplicates += 1
            contradictions += label_of[key] != example.label
        label_of.setdefault(key, example.label)
        splits_of.setdefault(key, set()).add(split)
        keys_of[split].append(key)
    across = sum("train" in splits_of[key] for key in keys_of["eval"])
    return Examples(counts, labels, skipped, duplicates, contradictions, across, lengths, ids)


def _items(
    sources: Mapping[str, Source], dataset: TextDataset, max_rows: int
) -> Iterator[tuple[str, RowInterpreter, rows.Row | rows.BadRow]]:
    """Yields the rows of all tables with the name of their split."""
    root = next(iter(sources.values())).root
    for name, source in sources.items():
        header = None
        if source.table and source.table.header:
            # A column without a name has its number in place of one.
            columns = source.table.columns
            header = ["" if isinstance(column, int) else column for column in columns]
        number = None
        for file, item, _ in table.read(source, dataset, max_rows=max_rows, split=name, root=root):
            if file.number != number:
                number, interpreter = file.number, inputs.interpreter(dataset, file, header=header)
            yield name, interpreter, item
