"""What components have to know of the runner of a Beam pipeline: whose workers, and whose job."""

from __future__ import annotations

import apache_beam as beam

# By the names of their classes and of the option `--runner`; `DirectRunner` becomes a
# `SwitchingDirectRunner`.
LOCAL_RUNNERS = frozenset(
    {"FnApiRunner", "DirectRunner", "SwitchingDirectRunner", "BundleBasedDirectRunner"}
)


def are_local(pipeline: beam.Pipeline) -> bool:
    """Whether the workers of a pipeline run on this machine and share its disk."""
    return type(pipeline.runner).__name__ in LOCAL_RUNNERS


def begins_anew(pipeline: beam.Pipeline) -> bool:
    """Whether running a pipeline starts its job.

    Otherwise it waits for the job that an earlier attempt at the component started and that still
    runs; then nothing that this job may have written must be removed.
    """
    find_job = getattr(pipeline.runner, "find_job", None)
    return find_job is None or find_job(pipeline._options) is None
