"""Describes how far a Beam job is, from the counts that its job server tells."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from apache_beam.metrics import monitoring_infos

_COLLECTION = monitoring_infos.PCOLLECTION_LABEL
_MAX_STEPS = 12


def describe(infos: Iterable[Any], pipeline: Any) -> str:
    """Returns how many elements each step has read and written, as "Read 3/1,204, Build 8/120".

    Args:
        infos: MonitoringInfos of the job, attempted and committed.
        pipeline: the pipeline as it was sent, a Pipeline of the Runner API.
    """
    counts: dict[str, int] = {}
    for info in infos:
        if info.urn == monitoring_infos.ELEMENT_COUNT_URN and _COLLECTION in info.labels:
            name = info.labels[_COLLECTION]
            number = monitoring_infos.extract_counter_value(info)
            counts[name] = max(number, counts.get(name, 0))
    read: collections.Counter[str] = collections.Counter()
    written: collections.Counter[str] = collections.Counter()
    steps = list(_leaves(pipeline.root_transform_ids, pipeline.components.transforms))
    makers = {name: _title(step) for step in steps for name in step.outputs.values()}
    users: dict[str, set[str]] = {name: set() for name in makers}
    for step in steps:
        for name in step.inputs.values():
            users.setdefault(name, set()).add(_title(step))
    for name, number in counts.items():
        # What passes between the parts of one step is neither.
        others = users.get(name, set()) - {makers.get(name)}
        read.update(dict.fromkeys(others, number))
        if name in makers and (others or not users[name]):
            written[makers[name]] += number
    moved = [title for title in dict.fromkeys(map(_title, steps)) if read[title] or written[title]]
    if not moved:
        return "no elements read or written yet"
    told = ", ".join(f"{title} {read[title]:,}/{written[title]:,}" for title in moved[:_MAX_STEPS])
    more = f" and {len(moved) - _MAX_STEPS} more steps" if len(moved) > _MAX_STEPS else ""
    return f"elements read/written: {told}{more}"


def _leaves(ids: Iterable[str], transforms: Mapping[str, Any]) -> Iterator[Any]:
    for name in ids:
        if transforms[name].subtransforms:
            yield from _leaves(transforms[name].subtransforms, transforms)
        else:
            yield transforms[name]


def _title(step: Any) -> str:
    return step.unique_name.partition("/")[0]
