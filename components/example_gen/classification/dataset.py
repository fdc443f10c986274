"""Describes a data set for classification, regression or multiple choice.

`TextDataset` says where texts and labels are found. The GLUE tasks, the review data sets and a
user's own files are all instances of it. It is plain data, so it can be written as YAML and passed
on as JSON.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from components import metric_names

# A column is given by its position, counted from 0 (from the end if negative), or by its name in
# the header (in JSONL, by its key).
Column = int | str

TRAIN_SPLIT = "train"

_DEFAULT_DELIMITERS = {"tsv": "\t", "csv": ","}


class DatasetError(ValueError):
    """A description of a data set that contradicts itself."""


def check_metrics(names: Sequence[str], labels: Sequence[str] | None) -> None:
    """Checks that metrics can be computed for a task, and that none is listed twice.

    Args:
        names: names of the metrics.
        labels: labels of the task; None for regression.

    Raises:
        DatasetError: if a metric is illegal or listed twice; the message names the legal ones.
    """
    known = metric_names.during_training(labels)
    unknown = sorted(set(names) - set(known))
    if unknown:
        what = "regression" if labels is None else f"{len(labels)} labels"
        raise DatasetError(
            f"metrics names {', '.join(unknown)}; those of {what} are {metric_names.listed(known)}."
        )
    if len(set(names)) != len(names):
        raise DatasetError(f"metrics names one twice: {list(names)}.")


def parts(column: Column | tuple[Column, ...] | None) -> tuple[Column, ...]:
    """Returns the columns of a text, of which there may be several, one or none."""
    if column is None:
        return ()
    return column if isinstance(column, tuple) else (column,)


def join(texts: Iterable[str]) -> str:
    """Joins the texts of several columns; those that are blank are left out."""
    return " ".join(text for text in texts if text and not text.isspace())


@dataclasses.dataclass(frozen=True)
class Columns:
    """Which column holds what.

    Attributes:
        text_a: column of the text, or of the first text of a pair; or a list of columns whose
            texts are joined with a space in between, except for those that are empty.
        text_b: column or columns of the second text of a pair; None for single texts.
        label: column of the label; None if there are no labels, as in test files.
        guid: column of the ids of rows; None numbers the rows as the reference code does.
        options: column with a list of answers to choose from (multiple choice), as many as there
            are labels. `text_a` is then a passage and `text_b`, if given, a question about it.
        level: column with the name of the part of the data that a row belongs to, such as a level
            of difficulty; evaluations can be sliced by it.
    """

    text_a: Column | tuple[Column, ...]
    text_b: Column | tuple[Column, ...] | None = None
    label: Column | None = None
    guid: Column | None = None
    options: Column | None = None
    level: Column | None = None

    def __post_init__(self) -> None:
        for name in ("text_a", "text_b"):
            columns = getattr(self, name)
            if isinstance(columns, tuple) and not columns:
                raise DatasetError(f"{name} is an empty list; name at least one column.")

    def all(self) -> list[Column]:
        """Returns all columns, by name or by position."""
        found: list[Column] = []
        for field in dataclasses.fields(self):
            found += parts(getattr(self, field.name))
        return found

    def names(self) -> list[str]:
        """Returns the columns that are given by name rather than by position."""
        return [column for column in self.all() if isinstance(column, str)]


@dataclasses.dataclass(frozen=True)
class Split:
    """Files of one split.

    Attributes:
        pattern: glob pattern, relative to the data root (or an absolute path). Files whose name
            ends in ".gz", ".bz2" or ".zst" are decompressed.
        columns: which column holds what; None takes the columns of the data set.
        header: whether the first row of each file names the columns; None takes the data set's.
        guid_prefix: what comes before the row number in a guid; None takes the name of the split.
        required: whether it is an error if no file matches. If False, the split is then left out.
    """

    pattern: str
    columns: Columns | None = None
    header: bool | None = None
    guid_prefix: str | None = None
    required: bool = True

    def __post_init__(self):
        if not self.pattern:
            raise DatasetError("pattern is empty; it is a glob such as 'train-*.tsv'.")


@dataclasses.dataclass(frozen=True)
class TextDataset:
    """A data set of single texts or pairs with labels or numbers, or of questions with options.

    Attributes:
        name: name of the data set, for messages and records.
        file_format: "tsv" has a row per line and no quoting; "csv" is quoted as in RFC 4180,
            including line breaks inside quotes; "jsonl" has an object per line; "folders" has a
            text per file, and the name of the file's folder is its label; "race" has a passage
            with its questions per file, and the name of the file's folder is its level.
        splits: the files of each split, by the split's name. "train" is written in a random order,
            all others in the order of the files.
        columns: which column holds what, in all splits that do not say otherwise; None for the
            formats "folders" and "race".
        header: whether the first row of each file names the columns, in all splits that do not say
            otherwise.
        labels: labels in the order of their ids; empty for regression. Integers are converted to
            text. In multiple choice, the first label stands for the first option, and so on.
        label_range: smallest and largest legal value for regression; None for classification.
        metrics: names of the official metrics, of which the first is the decisive one; see
            `components.metric_names.during_training`. If empty, accuracy or both correlations are
            used.
        delimiter: the character between columns; None takes a tab in TSV and a comma in CSV.
        strip: whether to remove white space around texts. The reference code keeps it in TSV.
        replacements: (old, new) pairs that are applied to the texts in this order, after `strip`.
        hash_seed: number that chooses one of the divisions by `hash_split`.
        hash_split: shares by split name, as in {"train": 9, "eval": 1}. `splits` must then have a
            single entry, which is divided by the hash of each row's guid.
    """

    name: str
    file_format: Literal["tsv", "csv", "jsonl", "folders", "race"]
    splits: Mapping[str, Split]
    columns: Columns | None = None
    header: bool = False
    labels: tuple[str | int, ...] = ()
    label_range: tuple[float, float] | None = None
    metrics: tuple[str, ...] = ()
    delimiter: str | None = None
    strip: bool = False
    replacements: tuple[tuple[str, str], ...] = ()
    hash_split: Mapping[str, int] | None = None
    hash_seed: int = 0

    def __post_init__(self):
        # YAML reads `labels: [0, 1]` as numbers, but in the data files labels are text.
        self._set("labels", tuple(str(label) for label in self.labels))
        if not self.metrics:
            of_labels, of_numbers = metric_names.OF_LABELS[:1], metric_names.OF_NUMBERS
            self._set("metrics", of_numbers if self.is_regression else of_labels)
        if self.delimiter is None:
            self._set("delimiter", _DEFAULT_DELIMITERS.get(self.file_format))
        self._check_labels()
        if any(not old for old, _ in self.replacements):
            raise DatasetError(
                f"{self.name}: a replacement replaces nothing, '', which is between all "
                "characters; give the text that is to be replaced."
            )
        try:
            check_metrics(self.metrics, None if self.is_regression else self.labels)
        except DatasetError as error:
            raise DatasetError(f"{self.name}: {error}") from error
        self._check_splits()
        self._check_columns()

    @property
    def kind(self) -> Literal["classification", "regression", "multiple_choice"]:
        """The kind of prediction that is made for each row."""
        if self.is_regression:
            return "regression"
        return "multiple_choice" if self.is_multiple_choice else "classification"

    @property
    def is_regression(self) -> bool:
        """Whether a number is to be predicted."""
        return self.label_range is not None

    @property
    def metrics_beside(self) -> tuple[str, ...]:
        """Metrics that an evaluation shows in addition to `metrics`.

        The options of different questions have nothing in common, so they are no classes.
        """
        return metric_names.SHOWN_BESIDE if self.kind == "classification" else ()

    @property
    def is_pair(self) -> bool:
        """Whether rows have two texts."""
        return any(self.columns_of(name).text_b is not None for name in self.splits)

    @property
    def is_multiple_choice(self) -> bool:
        """Whether an answer is to be chosen from several options."""
        return any(self.columns_of(name).options is not None for name in self.splits)

    @property
    def text_features(self) -> tuple[str, ...]:
        """Names of the features of the raw examples that hold texts."""
        return ("text_a", "text_b", *(["options"] if self.is_multiple_choice else []))

    @property
    def has_level(self) -> bool:
        """Whether every row belongs to a named part of the data."""
        return all(self.columns_of(name).level is not None for name in self.splits)

    @property
    def output_splits(self) -> list[str]:
        """Names of the splits that are written, provided that files of all of them exist."""
        return list(self.hash_split or self.splits)

    def columns_of(self, split: str) -> Columns:
        """Returns which column holds what in the files of a split."""
        if self.file_format in _FIXED_COLUMNS:
            return _FIXED_COLUMNS[self.file_format]
        return self.splits[split].columns or self.columns

    def has_header(self, split: str) -> bool:
        """Whether the first row of a split's files names the columns.

        In formats other than tables, `header` has no effect.
        """
        header = self.splits[split].header
        return self.file_format in _DEFAULT_DELIMITERS and (
            self.header if header is None else header
        )

    def guid_prefix(self, split: str) -> str:
        """Returns what comes before the row number in the guids of a split."""
        prefix = self.splits[split].guid_prefix
        return split if prefix is None else prefix

    def with_splits(self, names: Iterable[str]) -> TextDataset:
        """Returns the same data set with only these splits, all of which become required.

        Raises:
            DatasetError: if the data set does not have one of these splits.
        """
        names = list(names)
        unknown = [name for name in names if name not in self.splits]
        if unknown:
            raise DatasetError(
                f"Data set {self.name!r} has no split {unknown[0]!r}; it has {list(self.splits)}."
            )
        chosen = {name: dataclasses.replace(self.splits[name], required=True) for name in names}
        return dataclasses.replace(self, splits=chosen)

    def _set(self, field: str, value: object) -> None:
        object.__setattr__(self, field, value)

    def _check_labels(self) -> None:
        if self.is_regression == bool(self.labels):
            raise DatasetError(
                f"{self.name}: give either labels (classification) or label_range (regression); "
                f"labels are {list(self.labels)}, label_range is {self.label_range}."
            )
        if len(set(self.labels)) != len(self.labels):
            raise DatasetError(f"{self.name}: a label stands twice in {list(self.labels)}.")
        if len(self.labels) == 1:
            raise DatasetError(f"{self.name}: one label, {self.labels[0]!r}, is nothing to learn.")
        if self.is_regression and (
            len(self.label_range) != 2 or not self.label_range[0] < self.label_range[1]
        ):
            raise DatasetError(
                f"{self.name}: label_range should be [smallest, largest], "
                f"but is {list(self.label_range)}."
            )

    def _check_splits(self) -> None:
        if not self.splits:
            raise DatasetError(f"{self.name}: no splits; give at least train or eval.")
        for name in self.output_splits:
            if not name.isidentifier():
                raise DatasetError(f"{self.name}: {name!r} cannot be the name of a split.")
        if self.hash_split is None:
            return
        if len(self.splits) != 1:
            raise DatasetError(
                f"{self.name}: hash_split divides one set of files, but splits are "
                f"{list(self.splits)}."
            )
        if not self.hash_split or any(share <= 0 for share in self.hash_split.values()):
            raise DatasetError(
                f"{self.name}: the shares in hash_split should be positive integers, as in "
                f"{{'train': 9, 'eval': 1}}, but are {dict(self.hash_split)}."
            )
        if self.file_format == "race":
            raise DatasetError(
                f"{self.name}: hash_split would put questions about one passage into several "
                "splits. Share out the files instead."
            )

    def _check_columns(self) -> None:
        if self.file_format in _FIXED_COLUMNS:
            if self.columns or any(split.columns for split in self.splits.values()):
                raise DatasetError(
                    f"{self.name}: files of the format {self.file_format} have no columns to name."
                )
            self._check_options()
            return
        if self.file_format != "jsonl" and (
            len(self.delimiter) != 1 or self.delimiter in '\r\n"\0' or not self.delimiter.isascii()
        ):
            raise DatasetError(
                f"{self.name}: delimiter should be one ASCII character, not {self.delimiter!r}."
            )
        for name in self.splits:
            columns = self.columns_of(name)
            if columns is None:
                raise DatasetError(f"{self.name}: split {name!r} lacks columns.")
            if self.file_format == "jsonl":
                by_position = {column for column in columns.all() if isinstance(column, int)}
                if by_position:
                    raise DatasetError(
                        f"{self.name}: JSONL columns have names, not positions: "
                        f"{sorted(by_position)} in split {name!r}."
                    )
            elif columns.names() and not self.has_header(name):
                raise DatasetError(
                    f"{self.name}: columns {columns.names()} of split {name!r} are given by name, "
                    "but its files have no header. Set header, or give positions."
                )
        all_columns = [self.columns_of(name) for name in self.splits]
        for field, some, others in (
            ("text_b", "pairs", "single texts"),
            ("options", "options", "none"),
            ("level", "levels", "none"),
        ):
            if len({getattr(columns, field) is not None for columns in all_columns}) > 1:
                raise DatasetError(f"{self.name}: some splits have {some} and some have {others}.")
        self._check_options()

    def _check_options(self) -> None:
        if not self.is_multiple_choice:
            return
        if self.is_regression:
            raise DatasetError(
                f"{self.name}: to choose among options labels are needed, one for each option, "
                "instead of label_range."
            )
        if self.file_format in ("tsv", "csv"):
            raise DatasetError(
                f"{self.name}: a column of {self.file_format} holds one text, and options are a "
                "list. Write the data as JSONL."
            )


# The names that the reader of the format "folders" gives to a file's text, folder and id.
FOLDER_COLUMNS = Columns(text_a="text", label="label", guid="guid")
# The names that the reader of RACE's files gives to the parts of a question.
RACE_COLUMNS = Columns(
    text_a="article",
    text_b="question",
    options="options",
    label="answer",
    guid="guid",
    level="level",
)
_FIXED_COLUMNS = {"folders": FOLDER_COLUMNS, "race": RACE_COLUMNS}
