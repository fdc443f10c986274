"""Reads what a training wrote beside its model, for the report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.types import artifact_utils

from components import files, plain_json
from components.evaluator.report_content import Table
from components.trainer import history
from components.trainer.repeats import REPORT_NAME
from components.trainer.search import FOUND_NAME


@dataclasses.dataclass(frozen=True)
class TrainingHistory:
    """What a training wrote beside its weights.

    Attributes:
        curves: points of the learning curves; empty if there are none.
        repeats: metrics of all seeds; None if only one seed was trained.
        lineage: facts for the report that the configuration does not contain, by name.
    """

    curves: Sequence[Mapping[str, Any]] = ()
    repeats: Table | None = None
    lineage: Mapping[str, str] = dataclasses.field(default_factory=dict)


def read(input_dict: dict[str, list[types.Artifact]]) -> TrainingHistory:
    """Reads the artifact "model_run" of an evaluator; returns an empty history if there is none.

    Raises:
        JsonError: if a file in it is damaged.
    """
    if not input_dict.get("model_run"):
        return TrainingHistory()
    run = artifact_utils.get_single_uri(input_dict["model_run"])
    curves_path = files.join(run, "history", "history.jsonl")
    repeats_path, found_path = files.join(run, REPORT_NAME), files.join(run, FOUND_NAME)
    repeats, found = _content(repeats_path), _content(found_path)
    lineage = {}
    if found:
        settings = plain_json.mapping(found, where=found_path).items()
        lineage["settings found by the search"] = ", ".join(f"{k} = {v}" for k, v in settings)
    return TrainingHistory(
        curves=history.parse(_content(curves_path), where=curves_path),
        repeats=_table(repeats, repeats_path) if repeats else None,
        lineage=lineage,
    )


def _content(path: str) -> bytes:
    try:
        return files.read_bytes(path)
    except files.NoSuchFilesError:
        return b""


def _table(content: bytes, path: str) -> Table:
    report = plain_json.mapping(content, where=path)
    try:
        return _rows(report)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise plain_json.JsonError(
            f"{path} does not hold what repeated trainings report ({type(error).__name__}: {error})"
        ) from error


def _rows(report: Mapping[str, Any]) -> Table:
    names = list(report["runs"][0]["metrics"])
    rows = []
    for run in report["runs"]:
        note = f" (median of {report['metric']})" if run["seed"] == report["median_seed"] else ""
        values = [f"{run['metrics'][name]:.4f}" for name in names]
        rows.append((f"{run['seed']}{note}", *values))
    return Table("Seeds", ("seed", *names), rows)
