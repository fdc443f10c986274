"""Converts one input file into serialized examples and dead letters, row by row, without Beam."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from components.dead_letters import DeadLetter
from components.example_gen.classification import inputs, rows
from components.example_gen.classification.dataset import TextDataset
from components.example_gen.classification.inputs import InputFile, read_items
from components.example_gen.classification.interpretation import RowInterpreter, UnusableRowError
from components.example_gen.classification.plan import ConversionPlan, Order

READ = "read"
PRODUCED = "produced"
BLANK = "blank"
DEAD = "dead"
# Counts the rows lost in a dead letter beyond the first; a lost RACE file has several questions.
MORE_LOST = "more lost"

# (output split, what is counted, reason); only counters of dead letters have a reason.
Counter = tuple[str, str, str]


class UnreadableHeaderError(ValueError):
    """A file whose first row should name its columns, but cannot be read."""


class Output(NamedTuple):
    """The result of converting a row.

    Attributes:
        is_example: True for an example, False for a dead letter.
        split: output split that the row belongs to.
        shard: number of its shard in the split.
        order: sort key of the row within the shard.
        content: a serialized tf.train.Example, or a dead letter as JSON without a line feed.
    """

    is_example: bool
    split: str
    shard: int
    order: Order
    content: bytes


def convert_file(
    plan: ConversionPlan, file: InputFile, counts: collections.Counter[Counter]
) -> Iterator[Output]:
    """Yields the examples and dead letters of a file, in its order and in bounded memory.

    Args:
        plan: which split and shard each row goes to.
        file: the file to read.
        counts: counters to which rows, blank lines, examples and dead letters (by reason) are
            added.

    Raises:
        UnreadableHeaderError: if the first row should be a header, but cannot be read.
        ColumnNotFoundError: if the header lacks a column.
        DamagedFileError: if a compressed file is cut off.
    """
    dataset = plan.dataset
    has_header = dataset.has_header(file.split)
    interpreter = None if has_header else inputs.interpreter(dataset, file, header=None)
    for item in read_items(dataset, file, max_bytes=plan.max_row_bytes):
        if isinstance(item, rows.BlankLine):
            counts[plan.split_of_blank_lines(file.split), BLANK, ""] += 1
        elif interpreter is None:
            interpreter = inputs.interpreter(dataset, file, header=_header(file, item))
        else:
            yield _convert_row(plan, file, interpreter, item, counts)


def _header(file: InputFile, item: rows.Row | rows.BadRow) -> Sequence[str]:
    if isinstance(item, rows.Row):
        return item.fields
    detail = f" ({item.detail})" if item.detail else ""
    raise UnreadableHeaderError(
        f"The header of {file.path} (line {item.line}) cannot be read: {item.reason}{detail}. "
        "Fix the file, or set header to false if it has none."
    )


def _convert_row(
    plan: ConversionPlan,
    file: InputFile,
    interpreter: RowInterpreter,
    item: rows.Row | rows.BadRow,
    counts: collections.Counter[Counter],
) -> Output:
    if isinstance(item, rows.Row):
        guid = interpreter.guid(item.fields, item.index)
    else:
        guid = interpreter.numbered_guid(item.index)
    split = plan.split_of_row(file.split, guid)
    counts[split, READ, ""] += 1
    try:
        if isinstance(item, rows.BadRow):
            raise UnusableRowError(item.reason, item.detail)
        example = interpreter.interpret(item.fields, guid=guid, line=item.line)
    except UnusableRowError as error:
        counts[split, DEAD, error.reason] += 1
        letter = DeadLetter(
            source=file.path,
            position=_position(plan.dataset, item),
            reason=error.reason,
            detail=error.detail,
            excerpt=item.excerpt if isinstance(item, rows.BadRow) else rows.excerpt(item.fields),
            weight=item.weight if isinstance(item, rows.BadRow) else 1,
        )
        if letter.weight > 1:
            counts[split, MORE_LOST, ""] += letter.weight - 1
        place = plan.place_in_file_order(split, file, offset=item.offset, line=item.line)
        return Output(False, split, *place, letter.to_json().encode())
    counts[split, PRODUCED, ""] += 1
    place = plan.place_of_example(
        split, file, offset=item.offset, line=item.line, guid=example.guid
    )
    return Output(True, split, *place, example.serialize())


def _position(dataset: TextDataset, item: rows.Row | rows.BadRow) -> str:
    if dataset.file_format != "race":
        return str(item.line)
    return f"question {item.line}" if item.line else "the whole file"
