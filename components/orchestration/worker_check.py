"""A short Beam job that shows whether the workers of a cluster can do a component's work.

All of its code is this module's: what Beam's own transforms bring along in a job cannot be read by
workers of another Python, which could then not say what they are.
"""

from __future__ import annotations

import os
import socket
import sys
import uuid
from collections.abc import Iterable, Iterator

import apache_beam as beam

from components import __version__, files

# So many visits are spread over the workers, to meet each of a few of them.
_NUM_VISITS = 64
_MARK = "written-by-the-component"


class WorkerCheckError(RuntimeError):
    """A worker differs from what the component needs."""


def make_folder(temporary: str) -> str:
    """Makes a folder below the one for temporary files, for `add_to_pipeline`."""
    folder = files.join(temporary, f"workers-{uuid.uuid4().hex}")
    files.write_bytes(files.join(folder, _MARK), b"")
    return folder


def add_to_pipeline(pipeline: beam.Pipeline, folder: str | None) -> None:
    """Adds the check to a pipeline.

    Args:
        pipeline: Beam pipeline to add to.
        folder: a folder of `make_folder`, in which workers read and write; None checks only what
            they are.
    """
    expected = _versions()
    _ = (
        pipeline
        | "Begin" >> beam.Impulse()
        | "Spread" >> beam.ParDo(_Spread(expected))
        | "Group" >> beam.GroupByKey()
        | "Visit" >> beam.ParDo(_Visit(expected, folder))
    )


def count_workers(folder: str) -> int:
    """Returns how many workers have written to the folder, after the job.

    Raises:
        WorkerCheckError: if there is nothing, although the job succeeded.
    """
    found = files.names(folder) - {_MARK}
    if not found:
        raise WorkerCheckError(_not_shared(folder, "what workers wrote is not there"))
    return len(found)


def _versions() -> dict[str, str]:
    return {
        "Apache Beam": beam.__version__,
        "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "xlnet-pipeline": __version__,
    }


def _check_versions(expected: dict[str, str]) -> None:
    found = _versions()
    differing = [
        f"{name} {found[name]} and not {version}"
        for name, version in expected.items()
        if found[name] != version
    ]
    if differing:
        raise WorkerCheckError(
            f"the worker on {socket.gethostname()} has {', '.join(differing)}; start it from the "
            "image beam-worker that was built with the component's own"
        )


class _Spread(beam.DoFn):
    """Yields as many keys as there are to be visits."""

    def __init__(self, expected: dict[str, str]) -> None:
        self._expected = expected

    def process(self, element: bytes) -> Iterator[tuple[int, bytes]]:
        _check_versions(self._expected)
        for number in range(_NUM_VISITS):
            yield number, element


class _Visit(beam.DoFn):
    """Reads in the folder, and writes a file there with the worker's name."""

    def __init__(self, expected: dict[str, str], folder: str | None) -> None:
        self._expected = expected
        self._folder = folder

    def process(self, element: tuple[int, Iterable[bytes]]) -> None:
        _check_versions(self._expected)
        if self._folder is None:
            return
        host = socket.gethostname()
        try:
            seen = files.exists(files.join(self._folder, _MARK))
            if seen:
                files.write_bytes(files.join(self._folder, f"{host}-{os.getpid()}"), b"")
        except Exception as error:
            raise WorkerCheckError(
                f"the worker on {host} cannot use {self._folder}: {error}"
            ) from error
        if not seen:
            raise WorkerCheckError(
                _not_shared(self._folder, f"the worker on {host} sees another folder by that name")
            )


def _not_shared(folder: str, what: str) -> str:
    return (
        f"{folder} is not the same for the component and its workers: {what}. Put temporary files, "
        "inputs and outputs into a bucket, or on a volume that all of them mount at that place"
    )
