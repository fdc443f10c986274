"""Turns rows into raw examples: finds the columns, cleans the texts and checks the labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from components import decimal_number, json_text, tf_examples
from components.example_gen.classification.dataset import Column, Columns, TextDataset, join, parts
from components.example_gen.classification.rows import NUL_CHARACTER, UNDECODABLE, Fields

TOO_FEW_COLUMNS = "too few columns"
EMPTY_TEXT = "empty text"
UNKNOWN_LABEL = "unknown label"
LABEL_NOT_A_NUMBER = "label is not a number"
LABEL_OUT_OF_RANGE = "label out of range"
NOT_TEXT = "column is not text"
NOT_A_LIST = "column is not a list"
WRONG_NUMBER_OF_OPTIONS = "wrong number of options"

# Python parses these as numbers, but they are not within any range.
_NO_RANGE_HOLDS = ("nan", "inf", "infinity")


class ColumnNotFoundError(ValueError):
    """A column that the configuration names is not in a file's header, or is there twice."""


class UnusableRowError(ValueError):
    """A row that no example can be made of; for `reason` and `detail` see `DeadLetter`."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclasses.dataclass(frozen=True)
class RawExample:
    """One example before tokenization.

    Attributes:
        guid: id of the example, unique in its split.
        text_a: the text, or the first text of a pair.
        text_b: the second text of a pair; None for single texts.
        label: one of the data set's labels, or a number as text; None in test files.
        source_file: path of the file that it comes from, relative to the data root if it is below
            it.
        source_line: number of its first line in the file, counted from 1; in RACE's files, the
            number of the question.
        options: the options to choose from; None except in multiple choice.
        level: part of the data that it belongs to, such as a level of difficulty, or None.
    """

    guid: str
    text_a: str
    text_b: str | None
    label: str | None
    source_file: str
    source_line: int
    options: tuple[str, ...] | None = None
    level: str | None = None

    def serialize(self) -> bytes:
        """Serializes the example as a tf.train.Example, without features for what is None."""
        features: dict[str, list[bytes] | list[int]] = {
            "guid": [self.guid.encode(errors="surrogateescape")],
            "text_a": [self.text_a.encode()],
            "source_file": [self.source_file.encode(errors="surrogateescape")],
            "source_line": [self.source_line],
        }
        for name in ("text_b", "label", "level"):
            value = getattr(self, name)
            if value is not None:
                features[name] = [value.encode()]
        if self.options is not None:
            features["options"] = [option.encode() for option in self.options]
        return tf_examples.encode(features)


class RowInterpreter:
    """Makes examples from the rows of one file."""

    def __init__(
        self,
        dataset: TextDataset,
        columns: Columns,
        *,
        source_file: str,
        guid_prefix: str,
        header: Sequence[str] | None,
    ):
        """Finds the columns of the file.

        Args:
            dataset: description of the data set, with its labels and how to clean its texts.
            columns: which column of this file holds what.
            source_file: name of the file to record in the examples.
            guid_prefix: what comes before the row number in guids, if there is no column of ids.
            header: first row of the file if it names the columns; otherwise None.

        Raises:
            ColumnNotFoundError: if the header lacks a column.
        """
        self._dataset = dataset
        self._source_file = source_file
        self._guid_prefix = guid_prefix
        self._columns = locate(columns, header, source_file)
        self._needed_length = _needed_length(self._columns)
        self._labels = frozenset(dataset.labels)

    def guid(self, fields: Fields, index: int) -> str:
        """Returns the id of a row: from its column of ids, or made of the prefix and its number.

        A row without a usable id is numbered too, so that its dead letter can be assigned to a
        split.
        """
        if self._columns.guid is not None:
            try:
                return _value(fields, self._columns.guid) or self.numbered_guid(index)
            except UnusableRowError:
                pass
        return self.numbered_guid(index)

    def numbered_guid(self, index: int) -> str:
        """Returns the id of the row with this number, counting only rows that are not blank."""
        return f"{self._guid_prefix}-{index}"

    def label(self, fields: Fields) -> str:
        """Returns the label of a row as it is in the file, whether it is legal or not.

        Raises:
            UnusableRowError: if the row has none, or it is not text.
        """
        if self._columns.label is None:
            raise UnusableRowError(TOO_FEW_COLUMNS, "no column of labels")
        return _value(fields, self._columns.label)

    def interpret(self, fields: Fields, *, guid: str, line: int) -> RawExample:
        """Makes an example from a row.

        Args:
            fields: fields of the row.
            guid: id of the row.
            line: number of the row's first line.

        Raises:
            UnusableRowError: if the row cannot be used; its reason and detail say why.
        """
        columns = self._columns
        if not isinstance(fields, Mapping) and len(fields) < self._needed_length:
            raise UnusableRowError(
                TOO_FEW_COLUMNS, f"{len(fields)} columns, {self._needed_length} are needed"
            )
        return RawExample(
            guid,
            text_a=self._text(fields, columns.text_a),
            text_b=None if columns.text_b is None else self._text(fields, columns.text_b),
            label=None if columns.label is None else self._label(_value(fields, columns.label)),
            source_file=self._source_file,
            source_line=line,
            options=None if columns.options is None else self._options(fields, columns.options),
            level=None if columns.level is None else _value(fields, columns.level),
        )

    def _text(self, fields: Fields, column: Column | tuple[Column, ...]) -> str:
        if isinstance(column, tuple):
            return self._clean(join(_present(fields, part) for part in column), column)
        return self._clean(_value(fields, column), column)

    def _options(self, fields: Fields, column: Column) -> tuple[str, ...]:
        values = _find(fields, column)
        if not isinstance(values, list):
            raise UnusableRowError(NOT_A_LIST, f"column {column!r} holds a {type(values).__name__}")
        labels = self._dataset.labels
        if len(values) != len(labels):
            raise UnusableRowError(
                WRONG_NUMBER_OF_OPTIONS,
                f"{len(values)}; there should be one for each of {', '.join(labels)}",
            )
        return tuple(self._clean(as_text(value, column), column) for value in values)

    def _clean(self, text: str, column: Column | tuple[Column, ...]) -> str:
        if self._dataset.strip:
            text = text.strip()
        for old, new in self._dataset.replacements:
            text = text.replace(old, new)
        if not text or text.isspace():
            raise UnusableRowError(EMPTY_TEXT, f"column {column!r}")
        return text

    def _label(self, label: str) -> str:
        if not self._dataset.is_regression:
            if label not in self._labels:
                legal = ", ".join(self._dataset.labels)
                raise UnusableRowError(UNKNOWN_LABEL, f"{label[:100]!r}; legal are {legal}")
            return label
        number = decimal_number.normalize(label)
        if number is None and label.strip(" +-").lower() in _NO_RANGE_HOLDS:
            raise UnusableRowError(LABEL_OUT_OF_RANGE, repr(label))
        if number is None:
            raise UnusableRowError(
                LABEL_NOT_A_NUMBER, f"{label[:100]!r}; a number is written as in 2.5, -3 or 1e-2"
            )
        smallest, largest = self._dataset.label_range
        if not smallest <= float(number) <= largest:
            raise UnusableRowError(
                LABEL_OUT_OF_RANGE, f"{label[:100]!r}; the range is {smallest} to {largest}"
            )
        return number


def locate(columns: Columns, header: Sequence[str] | None, source_file: str) -> Columns:
    """Replaces names of columns by their positions in the header.

    Args:
        columns: columns given by name or by position.
        header: first row of the file; None keeps the names, for rows with named fields.
        source_file: name of the file, for the error message.

    Raises:
        ColumnNotFoundError: if the header lacks a column, or has it twice.
    """
    if header is None:
        return columns
    positions = {}
    for field in dataclasses.fields(Columns):
        column = getattr(columns, field.name)
        found = tuple(_position(part, header, field.name, source_file) for part in parts(column))
        positions[field.name] = found if isinstance(column, tuple) else next(iter(found), None)
    return Columns(**positions)


def _position(column: Column, header: Sequence[str], role: str, source_file: str) -> int:
    if isinstance(column, int):
        return column
    if header.count(column) != 1:
        times = "no" if column not in header else "more than one"
        raise ColumnNotFoundError(
            f"{source_file} has {times} column {column!r} ({role}); its header is "
            f"{json_text.shown_list(header)}. Correct columns in the configuration, or the "
            "delimiter."
        )
    return header.index(column)


def _needed_length(columns: Columns) -> int:
    """Returns the smallest number of columns that a row needs, if columns are given by position."""
    positions = [column for column in columns.all() if isinstance(column, int)]
    return max((-column if column < 0 else column + 1 for column in positions), default=0)


def _value(fields: Fields, column: Column) -> str:
    return as_text(_find(fields, column), column)


def _present(fields: Fields, column: Column) -> str:
    """Returns the text of a column among several; "" if the row does not have it."""
    try:
        return _value(fields, column)
    except UnusableRowError as error:
        if error.reason == TOO_FEW_COLUMNS:
            return ""
        raise


def _find(fields: Fields, column: Column) -> object:
    try:
        return fields[column]
    except (IndexError, KeyError):
        raise UnusableRowError(TOO_FEW_COLUMNS, f"no column {column!r}") from None


def as_text(value: object, column: Column) -> str:
    """Returns the value of a column as text.

    Raises:
        UnusableRowError: if the value is not text, or is text that cannot be encoded in UTF-8 or
            contains a NUL character.
    """
    if isinstance(value, bool):
        # This is how JSON writes it.
        value = str(value).lower()
    if value is None:
        raise UnusableRowError(TOO_FEW_COLUMNS, f"column {column!r} is null")
    if not isinstance(value, str):
        raise UnusableRowError(NOT_TEXT, f"column {column!r} holds a {type(value).__name__}")
    # JSON can contain NUL characters and lone surrogates as escapes.
    if "\0" in value:
        raise UnusableRowError(NUL_CHARACTER, f"column {column!r}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UnusableRowError(UNDECODABLE, f"lone surrogate in column {column!r}") from None
    return value
