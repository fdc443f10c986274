"""Finds and removes artifacts that no blessed model depends on."""

from __future__ import annotations

import collections
import os
from collections.abc import Iterable, Sequence

from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2

from components import files
from pipeline.run_records import Run

_Artifact = metadata_store_pb2.Artifact
_Event = metadata_store_pb2.Event
_BLESSING = "ModelBlessing"
_BLESSED = "blessed"
_FOLDER = "artifacts"


def find(
    store: metadata_store.MetadataStore, runs: Sequence[Run], output_root: str
) -> list[_Artifact]:
    """Returns the artifacts in a run's folder that nobody needs.

    Needed are all blessed models, everything that they were made from or judged on, and what was
    done with them, such as pushing; and what the latest run used or made, unless it is finished,
    because it may still be going on.

    Args:
        store: metadata of the output folder.
        runs: the runs of the folder, the oldest first.
        output_root: the output folder.
    """
    artifacts = store.get_artifacts()
    events = store.get_events_by_artifact_ids([one.id for one in artifacts]) if artifacts else []
    blessings = {
        one.id
        for one in artifacts
        if one.type == _BLESSING and one.custom_properties[_BLESSED].int_value == 1
    }
    # TFX's resolvers leave events of other types on all that they looked at.
    uses = [one for one in events if one.type in (_Event.INPUT, _Event.OUTPUT)]
    # Without its output in the cache, a repeated Pusher would push the model once more.
    users = {one.execution_id for one in uses if one.artifact_id in blessings}
    results = {one.artifact_id for one in uses if one.execution_id in users}
    needed = _ancestors(blessings | results, uses)
    if runs and not runs[-1].is_finished:
        needed |= {one.artifact_id for one in events if one.execution_id in runs[-1].executions}
    root = os.path.join(os.path.abspath(output_root), _FOLDER, "")
    return [
        one
        for one in artifacts
        if one.id not in needed
        and os.path.abspath(one.uri).startswith(root)
        and files.is_folder(one.uri)
    ]


def remove(store: metadata_store.MetadataStore, artifacts: Sequence[_Artifact]) -> None:
    """Removes artifacts, and notes in the metadata that they are gone.

    A later run that would have taken them from the cache makes them again.
    """
    for artifact in artifacts:
        # Noted first: if this is interrupted, no run may take half a folder from the cache.
        artifact.state = _Artifact.DELETED
        store.put_artifacts([artifact])
        files.remove(artifact.uri)


def _ancestors(wanted: Iterable[int], events: Sequence[_Event]) -> set[int]:
    """Returns the ids of artifacts and all that the executions behind them used and made."""
    makers: dict[int, set[int]] = collections.defaultdict(set)
    touched: dict[int, set[int]] = collections.defaultdict(set)
    for event in events:
        touched[event.execution_id].add(event.artifact_id)
        if event.type == _Event.OUTPUT:
            makers[event.artifact_id].add(event.execution_id)
    found: set[int] = set()
    waiting = list(wanted)
    while waiting:
        artifact = waiting.pop()
        if artifact in found:
            continue
        found.add(artifact)
        for execution in makers[artifact]:
            waiting += touched[execution]
    return found
