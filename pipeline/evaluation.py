"""Judges a pushed model on a file of labelled data, whose form is found out by looking at it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from components import files, json_text
from components.example_gen.classification.dataset import (
    Column,
    Columns,
    Split,
    TextDataset,
    parts,
)
from pipeline.first_configuration import yaml_text
from pipeline.first_look import source
from pipeline.first_look.source import Source
from pipeline.first_look.undecided import UndecidedError

if TYPE_CHECKING:
    from components.export.input_columns import InputColumns
    from components.judging.judgement import Judgement
    from components.serving.pushed_model import PushedModel


class UnfitDataError(ValueError):
    """Data that do not fit the model; the message says what the model needs."""


def evaluate(
    model: PushedModel | str,
    data: str,
    *,
    directory: str,
    texts: Sequence[str] = (),
    label: str | None = None,
    header: bool | None = None,
    batch_size: int = 32,
) -> Judgement:
    """Measures a model on labelled data and writes the report.

    Args:
        model: a loaded model, or the folder that a run pushed to.
        data: table, folder of texts for each label, RACE folder or SQuAD file.
        directory: folder for `report.html` and `results.json`.
        texts: columns of the texts; empty takes those with which the model was trained. Only tables
            and JSON lines have columns.
        label: column of the labels or numbers; None takes that with which the model was trained.
        header: whether the first row of a table names its columns; None looks at the rows.
        batch_size: number of rows or questions per call of the model.

    Raises:
        NoModelError, ModelError: if there is no model, or it cannot be loaded.
        UnfitDataError: if the data have another form than the model needs, or no columns that
            could be named.
        JudgementError: if nothing in the data can be used.
        NoSuchFilesError, WrongFormatError, SquadFormatError: if the data cannot be read.
    """
    try:
        found = source.recognise(data, header=header)
    except UndecidedError:
        # The names of the training decide, below.
        found = source.recognise(data, header=False)
    from components.serving.pushed_model import PushedModel

    if isinstance(model, str):
        model = PushedModel.latest(model)
    if (model.kind == "question_answering") != (found.form == "squad") or found.form == "text":
        raise UnfitDataError(
            f"{data} holds {_FORMS[found.form]}, but the model in {model.path} is one for "
            f"{(model.kind or 'inputs other than text').replace('_', ' ')}; give "
            + (
                "a SQuAD file."
                if model.kind == "question_answering"
                else "a table, or a folder of texts for each label."
            )
        )
    if (texts or label) and found.form != "table":
        raise UnfitDataError(
            f"{data} holds {_FORMS[found.form]}, which have no columns to name; leave out --text "
            "and --label."
        )
    if found.form == "squad":
        if files.is_folder(data):
            raise UnfitDataError(f"{data} is a folder; give a single SQuAD file.")
        from components.judging import questions

        return questions.judge(model, data, directory=directory, batch_size=batch_size)
    from components.judging import texts as judging_texts

    columns = model.columns
    if header is None and found.table and not found.table.header:
        # A few rows do not tell what the first one is, but the names of the training do.
        named = source.recognise(data, header=True)
        known = {part for column in columns.names.values() for part in parts(column)}
        # A column may also have the name of the input.
        known |= {"text_a", "text_b"}
        if known & set(named.table.columns):
            found = named
    dataset = _dataset(model, found, columns, judging_texts.labels_of(model), texts, label)
    return judging_texts.judge(
        model, dataset, found.root, directory=directory, batch_size=batch_size
    )


_FORMS = {
    "table": "a table",
    "folders": "a folder of texts for each label",
    "squad": "questions about paragraphs",
    "text": "running text without labels",
}


def _dataset(
    model: PushedModel,
    found: Source,
    known: InputColumns,
    labels: Sequence[str] | None,
    texts: Sequence[str],
    label: str | None,
) -> TextDataset:
    file_format = found.file_format
    columns = None
    if found.form == "folders":
        if model.kind == "multiple_choice":
            file_format = "race"
    else:
        columns = _columns(model, found, known, texts, label)
    return TextDataset(
        name=yaml_text.name_of(found.path),
        file_format=file_format,
        splits={"eval": Split(found.pattern)},
        columns=columns,
        header=bool(found.table and found.table.header),
        delimiter=found.table.delimiter if found.table else None,
        labels=tuple(labels or ()),
        label_range=None if labels else (-math.inf, math.inf),
        metrics=known.metrics,
        strip=known.strip,
        replacements=known.replacements,
    )


def _columns(
    model: PushedModel, found: Source, known: InputColumns, texts: Sequence[str], label: str | None
) -> Columns:
    available = {str(name): name for name in (found.table.columns if found.table else found.keys)}

    def column(role: str, given: str | None, option: str | None) -> Column | tuple[Column, ...]:
        if given is None:
            candidates = [parts(known.names.get(role, role)), (role,)]
        else:
            candidates = [(given,), tuple(given.split("+"))]
        for names in candidates:
            found_names = [available[name] for name in names if name in available]
            # Of columns that were joined for the training, some may be missing in new data.
            if len(found_names) == len(names) or (given is None and found_names):
                return tuple(found_names) if len(names) > 1 else found_names[0]
        named = " or ".join(dict.fromkeys("+".join(map(repr, names)) for names in candidates))
        raise UnfitDataError(
            f"{found.path} has no column {named} ({role}); it has "
            f"{json_text.shown_list(list(available))}. "
            + (f"Name the column with {option}." if option else "Rename the column.")
        )

    if len(texts) > 2:
        raise UnfitDataError(f"--text names {len(texts)} columns; a model reads one or two.")
    # A model that was trained on single texts has no use for a second one. Where its first text had
    # no name, the model does not say whether there was a second.
    is_pair = "text_b" in known.names or ("text_a" not in known.names and "text_b" in available)
    has_second = len(texts) == 2 if texts else is_pair
    columns = Columns(
        text_a=column("text_a", texts[0] if texts else None, "--text"),
        text_b=column("text_b", texts[1] if texts else None, "--text") if has_second else None,
        label=column("label", label, "--label"),
    )
    if model.kind == "multiple_choice":
        columns = dataclasses.replace(columns, options=column("options", None, None))
    level = known.names.get("level")
    if level in available:
        columns = dataclasses.replace(columns, level=available[level])
    return columns
