"""Writes files for the GLUE leaderboard, with a model's predictions for the test files.

The benchmark's instructions ask for one file per task, named as in its sample submission, with the
header `index<TAB>prediction` and a row for every row of the test file.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence

import numpy as np

from components import files
from components.example_gen.classification import inputs, rows
from components.example_gen.classification.dataset import TextDataset
from components.example_gen.classification.glue_tasks import GLUE_TASKS
from components.example_gen.classification.interpretation import RowInterpreter, UnusableRowError
from components.serving.pushed_model import PushedModel

_logger = logging.getLogger(__name__)

_SPLIT = "test"
_MAX_NAMED = 5


@dataclasses.dataclass(frozen=True)
class _File:
    """A file of the submission.

    Attributes:
        name: name of the file that the leaderboard requires.
        num_rows: number of rows in the official test file.
    """

    name: str
    num_rows: int


# The names are those of GLUE's sample submission, and the numbers of rows those of the test files
# that gluebenchmark.com provides.
_FILES = {
    "ax": _File("AX.tsv", 1_104),
    "cola": _File("CoLA.tsv", 1_063),
    "mnli_matched": _File("MNLI-m.tsv", 9_796),
    "mnli_mismatched": _File("MNLI-mm.tsv", 9_847),
    "mrpc": _File("MRPC.tsv", 1_725),
    "qnli": _File("QNLI.tsv", 5_463),
    "qqp": _File("QQP.tsv", 390_965),
    "rte": _File("RTE.tsv", 3_000),
    "sst-2": _File("SST-2.tsv", 1_821),
    "sts-b": _File("STS-B.tsv", 1_379),
    "wnli": _File("WNLI.tsv", 146),
}


class SubmissionError(ValueError):
    """A model that does not fit the task, or a test file that cannot be used."""


def task_names() -> list[str]:
    """Returns the names of all tasks that have a submission file."""
    return sorted(_FILES)


def write(model: PushedModel, task: str, *, data_root: str, directory: str, batch_size: int) -> str:
    """Predicts the test file of a task and writes its file for the submission.

    Args:
        model: a model that was trained on the task (on MNLI for "ax").
        task: one of `task_names`.
        data_root: folder with the files of the task.
        directory: directory to write the file to.
        batch_size: number of rows per call of the model.

    Returns:
        The path of the file that was written.

    Raises:
        SubmissionError: if the model does not fit the task, or the test file has no valid header.
        NoSuchFilesError: if there is no test file.
    """
    dataset = GLUE_TASKS[task].with_splits((_SPLIT,))
    kind = "regression" if dataset.is_regression else "classification"
    if model.kind != kind:
        raise SubmissionError(
            f"{task} needs a model for {kind}; {model.path} is one for {model.kind}."
        )
    lines = ["index\tprediction"]
    texts = list(_read(dataset, data_root))
    for start in range(0, len(texts), batch_size):
        batch = texts[start : start + batch_size]
        outputs = model.predict(text_a=[a for a, _ in batch], text_b=[b for _, b in batch])
        if not dataset.is_regression and start == 0:
            _check_labels(model, task, dataset.labels, outputs["labels"][0])
        lines += [f"{len(lines) - 1 + i}\t{p}" for i, p in enumerate(_format(dataset, outputs))]
    expected = _FILES[task].num_rows
    if len(texts) != expected:
        _logger.warning(
            "the test file has %s rows; GLUE's own has %s, and the leaderboard takes no other",
            f"{len(texts):,}",
            f"{expected:,}",
        )
    path = files.join(directory, _FILES[task].name)
    files.write_bytes(path, ("\n".join(lines) + "\n").encode())
    return path


def _read(dataset: TextDataset, data_root: str) -> Iterator[tuple[str, str]]:
    """Yields the texts of every row.

    For a row that cannot be used, both texts are empty, because the leaderboard needs a prediction
    for every row. Such rows are logged.
    """
    unusable = []
    columns = dataset.columns_of(_SPLIT)
    for file in inputs.find_files(dataset, data_root)[_SPLIT]:
        items = inputs.read_items(dataset, file, max_bytes=rows.MAX_ROW_BYTES)
        content = (item for item in items if not isinstance(item, rows.BlankLine))
        header = next(content, None)
        if not isinstance(header, rows.Row):
            raise SubmissionError(f"The header of {file.path} cannot be read.")
        interpreter = RowInterpreter(
            dataset, columns, source_file=file.name, guid_prefix=_SPLIT, header=header.fields
        )
        for item in content:
            try:
                if isinstance(item, rows.BadRow):
                    raise UnusableRowError(item.reason, item.detail)
                example = interpreter.interpret(item.fields, guid=_SPLIT, line=item.line)
            except UnusableRowError as error:
                unusable.append(f"line {item.line} ({error.reason})")
                yield "", ""
                continue
            yield example.text_a, example.text_b or ""
    if unusable:
        _logger.warning(
            "%d rows cannot be read and are predicted as empty text: %s",
            len(unusable),
            ", ".join(unusable[:_MAX_NAMED]),
        )


def _check_labels(
    model: PushedModel, task: str, expected: Sequence[str], found: np.ndarray
) -> None:
    labels = [label.decode() for label in found]
    if labels != list(expected):
        raise SubmissionError(
            f"{task} has the labels {list(expected)}, but {model.path} was trained for {labels}."
        )


def _format(dataset: TextDataset, outputs: dict[str, np.ndarray]) -> Iterator[str]:
    if dataset.is_regression:
        smallest, largest = dataset.label_range
        for score in outputs["scores"].tolist():
            yield f"{min(max(score, smallest), largest):.3f}"
    else:
        for label in outputs["label"]:
            yield label.decode()
