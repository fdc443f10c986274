"""Curves of a run: TensorBoard summaries, and a JSON-lines file that the report reads."""

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
# Vertex AI's folder for what its TensorBoard shows.
_VERTEX_TENSORBOARD = "AIP_TENSORBOARD_LOG_DIR"


class HistoryError(ValueError):
    """A history that is damaged; the message names the line and what to do."""


class History:
    """Points of the curves of one run.

    A run that goes on from a checkpoint makes the updates after it anew, so the points after it are
    dropped from the file.

    Args:
        directory: gets `history.jsonl` and, unless Vertex AI names a place for them, TensorBoard's
            folders `train/` and `eval/`.
        start_step: updates that the run has behind it.
    """

    def __init__(self, directory: str, *, start_step: int = 0):
        self._path = f"{directory}/{_FILE_NAME}"
        summaries = os.environ.get(_VERTEX_TENSORBOARD) or directory
        self._writers = {
            name: tf.summary.create_file_writer(f"{summaries.rstrip('/')}/{name}")
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
        """Adds a point to the evaluation curves, or puts it in the place of the one there was."""
        self._lines = [
            line for line in self._lines if (line["kind"], line["step"]) != ("eval", step)
        ]
        self._record("eval", step, metrics)

    def record_rollback(self, *, from_step: int, to_step: int, cause: str) -> None:
        """Notes that updates were taken back; their points are dropped."""
        self._lines = [line for line in self._lines if line["step"] <= to_step]
        self._append({"kind": "rollback", "step": to_step, "from_step": from_step, "cause": cause})

    def has_evaluation(self, step: int) -> bool:
        """Whether there is a point of the evaluation curves after this update."""
        return any(line["kind"] == "eval" and line["step"] == step for line in self._lines)

    def _record(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        with self._writers[kind].as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._writers[kind].flush()
        self._append({"kind": kind, "step": step, **values})

    def _append(self, line: Mapping[str, Any]) -> None:
        self._lines.append(dict(line))
        # Object stores cannot append; the file stays small (a line per report). It is replaced as a
        # whole, so that a run that is killed here has its history still.
        text = "".join(json.dumps(line) + "\n" for line in self._lines)
        files.write_bytes(self._path, text.encode())


def read(directory: str) -> list[dict[str, Any]]:
    """Points of a run's history, in the order in which they were recorded; empty without a file.

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
    """Points in the content of a history's file; raises what `read` does."""
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
