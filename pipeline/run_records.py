"""Reads which runs an output folder holds, from TFX's metadata and the runs' evaluations.

A run is what one call of `xlnet-pipeline run` did. What it took from the cache belongs to the run
that made it.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2

from components import configuration, files
from components.evaluator.names import REPORT_NAME, RESULTS_NAME
from pipeline.local_runner import METADATA_NAME

_State = metadata_store_pb2.Execution.State
_Event = metadata_store_pb2.Event
_BROKEN = (_State.FAILED, _State.CANCELED)
_EVALUATION, _PUSHED = "ModelEvaluation", "PushedModel"
# Under these names, the evaluators get the settings with the configuration of the run.
_SETTINGS = ("report_settings", "settings")


class NoRunsError(ValueError):
    """A folder that holds no runs."""


@dataclasses.dataclass(frozen=True)
class Run:
    """A run.

    Attributes:
        number: its place among the runs of the folder, from 1.
        started: when it started, in seconds since 1970.
        state: "pushed", "not blessed", "failed in <component>", or "not finished" if it still runs
            or was killed.
        metrics: metrics of its evaluation; empty if there is none any more.
        configuration: its settings with dotted keys; None if it ended before its evaluation.
        size: bytes of what it made and did not take from the cache.
        report: path of the report; None if there is none any more.
        pushed_to: path of the pushed model; None if none was pushed.
        executions: ids of its executions.
    """

    number: int
    started: float
    state: str
    metrics: Mapping[str, float | None]
    configuration: Mapping[str, Any] | None
    size: int
    report: str | None
    pushed_to: str | None
    executions: tuple[int, ...]

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended by itself."""
        return self.state != "not finished"


def connect(output_root: str, *, writes: bool = False) -> metadata_store.MetadataStore:
    """Opens the metadata of an output folder.

    Raises:
        NoRunsError: if there are none.
    """
    path = os.path.join(output_root, METADATA_NAME)
    if not files.exists(path):
        raise NoRunsError(
            f"{output_root} holds no runs: there is no {METADATA_NAME}. Give the folder that "
            "`xlnet-pipeline run` wrote to (run.output_root), such as runs/sample."
        )
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = path
    sqlite = metadata_store_pb2.SqliteMetadataSourceConfig
    config.sqlite.connection_mode = sqlite.READWRITE if writes else sqlite.READONLY
    return metadata_store.MetadataStore(config)


def read(store: metadata_store.MetadataStore) -> list[Run]:
    """Returns all runs, the oldest first."""
    contexts = store.get_contexts_by_type("pipeline_run")
    contexts.sort(key=lambda context: (context.create_time_since_epoch, context.id))
    return [_run(store, number, context) for number, context in enumerate(contexts, start=1)]


def differences(before: Run, after: Run) -> list[tuple[str, Any, Any]]:
    """Returns the settings in which two runs differ: key, former value and later value.

    The result is empty if the configuration of one of them is not known.
    """
    old, new = before.configuration, after.configuration
    if old is None or new is None:
        return []
    nothing = "(nothing)"
    return [
        (key, old.get(key, nothing), new.get(key, nothing))
        for key in sorted({*old, *new})
        if old.get(key, nothing) != new.get(key, nothing)
    ]


def _run(
    store: metadata_store.MetadataStore, number: int, context: metadata_store_pb2.Context
) -> Run:
    executions = sorted(store.get_executions_by_context(context.id), key=lambda one: one.id)
    outputs = _outputs(store, executions)
    evaluation = outputs.get(_EVALUATION)
    results = _results(evaluation)
    pushed = outputs.get(_PUSHED) if results.get("blessed") else None
    return Run(
        number=number,
        started=context.create_time_since_epoch / 1000,
        state=_state(executions, outputs, results),
        metrics=results.get("metrics", {}),
        configuration=_configuration(executions),
        size=sum(size_of(uri) for uri in _made(store, executions)),
        report=files.join(evaluation.uri, REPORT_NAME) if results else None,
        pushed_to=pushed_to(pushed) if pushed else None,
        executions=tuple(execution.id for execution in executions),
    )


def pushed_to(artifact: metadata_store_pb2.Artifact) -> str | None:
    """Returns the path to which a `PushedModel` was pushed; None if it was not."""
    return artifact.custom_properties["pushed_destination"].string_value or None


def size_of(uri: str) -> int:
    """Returns the bytes of all files below a folder; 0 if it is gone."""
    return sum(file.size for file in files.match(files.join(files.escape(uri), "**")))


def _state(
    executions: Sequence[metadata_store_pb2.Execution],
    outputs: Mapping[str, metadata_store_pb2.Artifact],
    results: Mapping[str, Any],
) -> str:
    for execution in executions:
        if execution.last_known_state in _BROKEN:
            return f"failed in {execution.type.rpartition('.')[2]}"
    # Every kind of pipeline ends with a component that has this output, even if it pushes nothing.
    if _PUSHED not in outputs:
        return "not finished"
    if not results:
        return "removed"
    return "pushed" if results["blessed"] else "not blessed"


def _outputs(
    store: metadata_store.MetadataStore, executions: Sequence[metadata_store_pb2.Execution]
) -> dict[str, metadata_store_pb2.Artifact]:
    """Returns the last output of each type, whether it was made or taken from the cache."""
    events = store.get_events_by_execution_ids([execution.id for execution in executions])
    ids = sorted({event.artifact_id for event in events if event.type == _Event.OUTPUT})
    found = store.get_artifacts_by_id(ids) if ids else []
    return {artifact.type: artifact for artifact in sorted(found, key=lambda one: one.id)}


def _made(
    store: metadata_store.MetadataStore, executions: Sequence[metadata_store_pb2.Execution]
) -> list[str]:
    """Returns the folders of what was made and not taken from the cache."""
    ids = [one.id for one in executions if one.last_known_state != _State.CACHED]
    events = store.get_events_by_execution_ids(ids) if ids else []
    made = sorted({event.artifact_id for event in events if event.type == _Event.OUTPUT})
    return [artifact.uri for artifact in store.get_artifacts_by_id(made)] if made else []


def _results(evaluation: metadata_store_pb2.Artifact | None) -> dict[str, Any]:
    if evaluation is None:
        return {}
    try:
        return json.loads(files.read_bytes(files.join(evaluation.uri, RESULTS_NAME)))
    except FileNotFoundError:
        return {}


def _configuration(
    executions: Sequence[metadata_store_pb2.Execution],
) -> dict[str, Any] | None:
    for execution in executions:
        for name in _SETTINGS:
            text = execution.custom_properties[name].string_value
            if text and (lineage := json.loads(text).get("lineage")):
                return configuration.flat(json.loads(lineage["configuration"]))
    return None
