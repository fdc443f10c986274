"""Training and evaluation curves of a run, as TensorBoard summaries and as a JSON-lines file.

The evaluation report reads the JSON-lines file.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from components import files, plain_json
from components.trainer.actions import Progress

_FILE_NAME = "history.jsonl"
# Environment variable with the folder that Vertex AI's TensorBoard shows.
_VERTEX_TENSORBOARD = "AIP_TENSORBOARD_LOG_DIR"


class HistoryError(ValueError):
    """A damaged history file; the message names the line and says what to do."""


class History:
    """Records the points of one run's curves.

    A run that resumes from a checkpoint repeats the updates after it, so points after that
    checkpoint are dropped from the file.

    Args:
        directory: folder for `history.jsonl` and for TensorBoard's folders `train/` and `eval/`.
            If Vertex AI names a folder for TensorBoard, the latter two go there instead.
        start_step: number of updates that the run has already made.
        writes: whether this process is the one that writes; others only read what is there.
    """

    def __init__(self, directory: str, *, start_step: int = 0, writes: bool = True):
        self._path = f"{directory}/{_FILE_NAME}"
        self._writes = writes
        summaries = os.environ.get(_VERTEX_TENSORBOARD) or directory
        self._writers = {
            name: tf.summary.create_file_writer(f"{summaries.rstrip('/')}/{name}")
            if writes
            else tf.summary.create_noop_writer()
            for name in ("train", "eval")
        }
        self._lines = [line for line in read(directory) if line["step"] <= start_step]

    def record_training(self, progress: Progress) -> None:
        """Adds a point to the training curves."""
        values = dataclasses.asdict(progress)
        for name in ("step", "total_steps", "updates"):
            del values[name]
        known = {name: value for name, value in values.items() if value is not None}
        self._record("train", progress.step, known)

    def record_evaluation(self, step: int, metrics: Mapping[str, float]) -> None:
        """Adds a point to the evaluation curves, replacing an earlier point of the same step."""
        self._lines = [
            line for line in self._lines if (line["kind"], line["step"]) != ("eval", step)
        ]
        self._record("eval", step, metrics)

    def record_rollback(self, *, from_step: int, to_step: int, cause: str) -> None:
        """Records a rollback and drops the points of the updates that were undone."""
        self._lines = [line for line in self._lines if line["step"] <= to_step]
        self._append({"kind": "rollback", "step": to_step, "from_step": from_step, "cause": cause})

    def evaluations(self) -> dict[int, dict[str, float]]:
        """Metrics of the evaluations by number of updates, without those that were undone."""
        return {
            line["step"]: {name: line[name] for name in line if name not in ("kind", "step")}
            for line in self._lines
            if line["kind"] == "eval"
        }

    def _record(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        with self._writers[kind].as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._writers[kind].flush()
        self._append({"kind": kind, "step": step, **values})

    def _append(self, line: Mapping[str, Any]) -> None:
        self._lines.append(dict(line))
        if not self._writes:
            return
        # Object stores cannot append, and the file is small (one line per report). It is replaced
        # as a whole, so a run that is killed at this point keeps its earlier history.
        text = "".join(json.dumps(line) + "\n" for line in self._lines)
        files.write_bytes(self._path, text.encode())


def read(directory: str) -> list[dict[str, Any]]:
    """Returns the points of a run's history in the order of recording; none if there is no file.

    Raises:
        HistoryError: if the file is damaged.
    """
    path = f"{directory}/{_FILE_NAME}"
    try:
        text = files.read_bytes(path)
    except FileNotFoundError:
        return []
    return parse(text, where=path)


def parse(content: bytes, *, where: str) -> list[dict[str, Any]]:
    """Parses the content of a history file.

    Args:
        content: the JSON lines.
        where: path of the file, for error messages.

    Raises:
        HistoryError: if the content is damaged.
    """
    points = []
    for number, line in enumerate(content.splitlines(), start=1):
        place = f"{where}, line {number}"
        try:
            point = plain_json.mapping(line, where=place)
        except plain_json.JsonError as error:
            raise _damaged(str(error)) from error
        step = point.get("step")
        values = [value for name, value in point.items() if name not in ("kind", "cause")]
        if (
            not isinstance(point.get("kind"), str)
            or not isinstance(step, int)
            or any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in values)
        ):
            raise _damaged(f"{place} is no point of a curve")
        points.append(point)
    return points


def _damaged(what: str) -> HistoryError:
    return HistoryError(f"{what}. Remove the file to go on without the curves so far.")
