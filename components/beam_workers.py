"""Tells runners whose workers are processes of this machine from those that have a cluster."""

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
