"""Chooses the columns of texts and labels of a table, or says why a person has to."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Literal

from components import decimal_number, json_text
from components.example_gen.classification import labels_in_data
from components.example_gen.classification.dataset import FOLDER_COLUMNS, Column
from pipeline.first_look import column_roles
from pipeline.first_look.column_profile import MAX_COUNTED, ColumnProfile
from pipeline.first_look.table import TableFindings
from pipeline.first_look.undecided import UndecidedError

Task = Literal["classification", "regression"]

# Whole numbers with at most this many different values are taken for classes, such as stars.
_MAX_NUMBERED_CLASSES = 20
# As spreadsheets write numbers in most of Europe.
_DECIMAL_COMMA = re.compile(r"\s*[+-]?[0-9]*,[0-9]+\s*")
# More rows without a second text than this, and the second column is left out of the proposal.
_MAX_EMPTY_SHARE = 0.2
# With fewer rows than this for a label, on average, a column holds no labels.
_MIN_ROWS_PER_LABEL = 2


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which columns a model is trained on.

    Attributes:
        texts: one column of texts, or two for pairs; empty for folders. Several columns in place of
            one are joined.
        label: column of the labels or numbers; None for folders.
        task: what is predicted.
        labels: rows of each label, in the order of the ids; empty for regression.
        label_range: smallest and largest number for regression; None for classification.
        remarks: what was decided and could be decided otherwise, in sentences.
    """

    texts: tuple[Column | tuple[Column, ...], ...]
    label: Column | None
    task: Task
    labels: dict[str, int]
    label_range: tuple[float, float] | None
    remarks: tuple[str, ...]


def choose(
    findings: TableFindings,
    *,
    texts: Sequence[str] = (),
    label: str | None = None,
    task: Task | None = None,
) -> Choice:
    """Chooses columns, where the user has not done so.

    Args:
        findings: what was found in the table.
        texts: columns of the texts that the user asks for, with "+" between columns to join; empty
            to choose.
        label: column of the labels that the user asks for; None to choose.
        task: whether numbers are classes or quantities; None to choose.

    Raises:
        UndecidedError: if the choice is not clear; the message lists the columns and says which
            option to give.
    """
    remarks: list[str] = []
    num_bad = sum(findings.bad.values())
    if num_bad * 2 > findings.rows or not findings.rows:
        first = f" (the first is {findings.first_bad})" if num_bad else ""
        raise UndecidedError(
            f"{num_bad:,} of {findings.rows:,} rows of {findings.source.path} cannot be "
            f"read{first}; correct the file, or convert it to UTF-8, until most rows can be read."
        )
    columns = {column.name: column for column in findings.columns}
    if findings.source.form == "folders":
        if texts or label:
            raise UndecidedError(
                "--text and --label name columns, but "
                f"{findings.source.path} is a folder of texts for each label; leave them out."
            )
        profile = columns[FOLDER_COLUMNS.label]
        return Choice((), None, "classification", _labels(findings, profile), None, ())
    given = [_find_joined(findings, name) for name in texts]
    used = [column for columns in given for column in columns]
    label_column = _find(findings, label, "--label") if label is not None else None
    if label_column is None:
        label_column = _choose_label(findings, excluded=used, remarks=remarks)
    named = [column.name for column in used]
    if len(given) > 2 or len(set(named)) < len(named):
        raise UndecidedError(
            f"--text names {len(given)} texts ({', '.join(texts)}); a model reads one text or two "
            f"different ones: give one or two, or join columns to one text: {'+'.join(texts)}.",
            option="--text",
        )
    if label_column.name in named:
        raise UndecidedError(
            f"The column {label_column.name!r} is named by --text and by --label; give two "
            f"different columns. {_listed(findings)}"
        )
    if not given:
        given = [[column] for column in _choose_texts(findings, label_column, remarks)]
    for columns in given:
        _check_text(findings, columns)
    task = _task(findings, label_column, task, remarks)
    labels, label_range = {}, None
    if task == "classification":
        labels = _labels(findings, label_column)
    else:
        label_range = (label_column.smallest, label_column.largest)
    names = tuple(
        tuple(column.name for column in columns) if len(columns) > 1 else columns[0].name
        for columns in given
    )
    return Choice(names, label_column.name, task, labels, label_range, tuple(remarks))


def widen(choice: Choice, evaluation: TableFindings) -> Choice:
    """Returns a choice for regression whose range includes the numbers of the evaluation."""
    numbers = [
        number
        for column in evaluation.columns
        if column.name == choice.label and column.numbers
        for number in (column.smallest, column.largest)
    ]
    low, high = choice.label_range
    return dataclasses.replace(choice, label_range=(min([low, *numbers]), max([high, *numbers])))


def _find(findings: TableFindings, name: str, option: str) -> ColumnProfile:
    for column in findings.columns:
        if str(column.name) == name:
            return column
    raise UndecidedError(
        f"{option} is {name!r}, but {findings.source.path} has no such column. {_listed(findings)}",
        option=option,
    )


def _find_joined(findings: TableFindings, name: str) -> list[ColumnProfile]:
    """Finds a column, or several whose names are joined by "+"."""
    if any(str(column.name) == name for column in findings.columns):
        return [_find(findings, name, "--text")]
    return [_find(findings, part.strip(), "--text") for part in name.split("+")]


def _choose_label(
    findings: TableFindings, *, excluded: Sequence[ColumnProfile], remarks: list[str]
) -> ColumnProfile:
    roles = {
        column.name: column_roles.guess(column)
        for column in findings.columns
        if column not in excluded
    }
    by_role = {
        role: [column for column in findings.columns if roles.get(column.name) == role]
        for role in ("label", "number")
    }
    named = [
        column
        for column in findings.columns
        if column.name in roles and column_roles.is_named_like_a_label(column)
    ]
    for candidates in (
        [column for column in named if column in by_role["label"]],
        named,
        by_role["label"],
        by_role["number"],
    ):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise UndecidedError(
                f"{findings.source.path} has {len(candidates)} columns that may hold the labels "
                f"({_names(candidates)}); say which with --label. {_listed(findings)}",
                option="--label",
            )
    raise UndecidedError(
        f"No column of {findings.source.path} looks like labels, that is, like few values that "
        f"recur; say which holds them with --label. {_listed(findings)}",
        option="--label",
    )


def _choose_texts(
    findings: TableFindings, label: ColumnProfile, remarks: list[str]
) -> list[ColumnProfile]:
    candidates = [
        column
        for column in findings.columns
        if column is not label and column_roles.guess(column) == "text"
    ]
    if not candidates:
        raise UndecidedError(
            f"{findings.source.path} has no column that looks like text (apart from the label "
            f"{label.name!r}); say which to read with --text. {_listed(findings)}",
            option="--text",
        )
    if len(candidates) > 2:
        first, second = candidates[0].shown, candidates[1].shown
        raise UndecidedError(
            f"{findings.source.path} has {len(candidates)} columns of text "
            f"({_names(candidates)}); say which to read with --text: one, two as a pair "
            f"({first},{second}), or several joined to one text ({first}+{second}). "
            f"{_listed(findings)}",
            option="--text",
        )
    if len(candidates) == 2:
        # A row without one of its texts is skipped.
        gaps = [column for column in candidates if column.empty > _MAX_EMPTY_SHARE * column.rows]
        if len(gaps) == 1:
            (gap,) = gaps
            candidates.remove(gap)
            remarks.append(
                f"The column {gap.name!r} is empty in {gap.empty:,} of {gap.rows:,} rows and is "
                f"not read; --text {candidates[0].shown}+{gap.shown} joins both to one text."
            )
        else:
            first, second = candidates
            remarks.append(
                f"{first.name!r} and {second.name!r} are read as a pair; --text "
                f"{first.shown}+{second.shown} joins them to one text, and --text {second.shown} "
                "reads one of them alone."
            )
    return candidates


def _check_text(findings: TableFindings, columns: Sequence[ColumnProfile]) -> None:
    if not any(column.filled for column in columns):
        what = "lists or objects" if any(column.not_text for column in columns) else "nothing"
        raise UndecidedError(
            f"The column {_names(columns)} of {findings.source.path} holds {what}, and a text is "
            f"needed; name another with --text. {_listed(findings)}",
            option="--text",
        )


def _task(
    findings: TableFindings, label: ColumnProfile, task: Task | None, remarks: list[str]
) -> Task:
    if not label.filled:
        raise UndecidedError(
            f"The column {label.name!r} of {findings.source.path} holds no labels: it is empty in "
            f"all {label.rows:,} rows. Name another with --label. {_listed(findings)}",
            option="--label",
        )
    if task == "regression":
        if label.numbers < label.filled / 2 or label.smallest == label.largest:
            raise UndecidedError(
                f"{label.numbers:,} of {label.filled:,} values of the column {label.name!r} are "
                "numbers, and regression needs different numbers; leave out --task, or name "
                "another column with --label."
            )
        return task
    if task is None:
        _check_decimals(findings, label)
    if task is None and label.numbers == label.filled and label.distinct > 1:
        is_few = label.distinct <= _MAX_NUMBERED_CLASSES
        if label.whole_numbers == label.filled and is_few:
            remarks.append(
                f"The labels in {label.name!r} are whole numbers with {label.distinct} different "
                "values and are taken for classes; --task regression predicts a number instead."
            )
            return "classification"
        if column_roles.guess(label) != "id":
            remarks.append(
                f"The labels in {label.name!r} are numbers with {label.distinct:,} different "
                "values: a number is predicted (regression); --task classification takes each "
                "value for a class."
            )
            return "regression"
    return "classification"


def _check_decimals(findings: TableFindings, label: ColumnProfile) -> None:
    """Refuses to take numbers with decimal commas for classes."""
    fractions = [value for value in label.counts if _DECIMAL_COMMA.fullmatch(value)]
    if fractions and all(
        _DECIMAL_COMMA.fullmatch(value) or decimal_number.normalize(value) is not None
        for value in label.counts
    ):
        raise UndecidedError(
            f"The column {label.name!r} of {findings.source.path} holds numbers with a decimal "
            f"comma, such as {fractions[0]!r}, but numbers are read with a point. For regression, "
            f"write {fractions[0].replace(',', '.')!r}; --task classification takes each value for "
            "a class."
        )


def _labels(findings: TableFindings, label: ColumnProfile) -> dict[str, int]:
    path = findings.source.path
    is_folders = findings.source.form == "folders"
    if label.distinct == 1:
        (value,) = label.counts or {"": 0}
        if is_folders:
            raise UndecidedError(
                f"All {label.filled:,} texts of {path} are in the folder {json_text.shown(value)}: "
                "one class is nothing to learn. Add a folder for another."
            )
        raise UndecidedError(
            f"All {label.filled:,} labels in the column {label.name!r} of {path} are "
            f"{json_text.shown(value)}: one class is nothing to learn. Add rows of other classes, "
            "or name another column with --label.",
            option="--label",
        )
    if label.distinct * _MIN_ROWS_PER_LABEL > label.filled or not label.counts:
        if is_folders:
            raise UndecidedError(
                f"{path} has {label.distinct:,} folders with {label.filled:,} texts; a label needs "
                "two texts or more. Add texts, or leave out folders."
            )
        what = f"{label.distinct:,} different values in {label.filled:,} rows"
        if not label.counts and label.distinct <= MAX_COUNTED:
            what += ", some of them longer than a label"
        raise UndecidedError(
            f"The column {label.name!r} of {path} has {what}, which looks like ids or texts and "
            f"not like labels; name another with --label. {_listed(findings)}",
            option="--label",
        )
    return {value: label.counts[value] for value in labels_in_data.in_order(label.counts)}


def _names(columns: Sequence[ColumnProfile]) -> str:
    return ", ".join(column.shown for column in columns)


def _listed(findings: TableFindings) -> str:
    guesses = ", ".join(
        f"{column.shown} ({column_roles.guess(column)})" for column in findings.columns
    )
    return f"The columns are: {guesses}."
