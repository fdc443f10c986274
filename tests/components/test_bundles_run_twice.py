"""Engines run bundles twice, and at once where a worker is slow: the files are the same ones.

Here each DoFn has a twin, which does the same on another thread: both open, write and finish their
files in step. Each bundle then runs a second time.
"""

import contextlib
import copy
import functools
import threading
from concurrent import futures

import apache_beam as beam
import pytest

from components import files
from tests.components import beam_jobs

# How long one of the two may wait for the other; it never should.
_PATIENCE = 60


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    return beam_jobs.make(tmp_path_factory.mktemp("data"))


def own_dofns() -> set[type]:
    """The DoFns of components' jobs; not those that check workers before a job."""
    found = {cls for cls in beam.DoFn.__subclasses__() if cls.__module__.startswith("components.")}
    return {cls for cls in found if not cls.__module__.endswith("worker_check")}


def run_all_twice(monkeypatch) -> set[str]:
    """Makes DoFns run twice and in step; returns a set that gets the names of those that write."""
    in_step = threading.local()
    writers = set()
    open_atomically = files.open_atomically

    @contextlib.contextmanager
    def open_in_step(path):
        barrier = getattr(in_step, "barrier", None)
        with open_atomically(path) as file:
            if barrier is not None:
                writers.add(in_step.name)
                barrier.wait(_PATIENCE)
            yield file
            if barrier is not None:
                barrier.wait(_PATIENCE)

    monkeypatch.setattr(files, "open_atomically", open_in_step)

    def in_step_with_a_twin(cls, method):
        """A method that runs on a DoFn and its twin, each of which keeps what its bundle needs."""

        def run(dofn, barrier, arguments):
            in_step.barrier, in_step.name = barrier, cls.__name__
            made = method(dofn, *arguments)
            return None if made is None else list(made)

        @functools.wraps(method)
        def run_both(self, *arguments):
            barrier = threading.Barrier(2)
            if method.__name__ == "start_bundle" or not hasattr(self, "_twin"):
                self._twin = copy.copy(self)
            with futures.ThreadPoolExecutor(2) as pool:
                both = [pool.submit(run, dofn, barrier, arguments) for dofn in (self, self._twin)]
            # What the twin has yielded is thrown away with it.
            made, _ = (one.result() for one in both)
            return made

        return run_both

    for cls in own_dofns():
        for name in {"start_bundle", "process", "finish_bundle"} & set(vars(cls)):
            monkeypatch.setattr(cls, name, in_step_with_a_twin(cls, getattr(cls, name)))
    return writers


WRITERS = {
    "classification examples": {"_WriteExamples", "_WriteDeadLetters"},
    "classification records": {"_TransformShard"},
    "question answering examples": {"_ConvertFile"},
    "question answering records": {"_Read", "_Build"},
    # Beam's own sink writes its answers.
    "question answering evaluation": set(),
    "pretraining examples": {"_ConvertUnit"},
    "pretraining records": {"_Tokenise", "_Build"},
}


@pytest.mark.parametrize("name", beam_jobs.NAMES)
def test_files_are_the_same(jobs, tmp_path, monkeypatch, name):
    once, twice = tmp_path / "once", tmp_path / "twice"
    jobs.run(name, once, beam_jobs.LOCAL)
    writers = run_all_twice(monkeypatch)
    jobs.run(name, twice, [*beam_jobs.LOCAL, "--direct_runner_bundle_repeat=1"])
    assert writers == WRITERS[name]
    assert beam_jobs.contents(once) == beam_jobs.contents(twice)


def test_no_dofn_is_left_out(jobs):
    """Those that write nothing stand here, so that a new one is looked at."""
    others = {"_ReadFiles", "_Infer"}
    assert {cls.__name__ for cls in own_dofns()} == others.union(*WRITERS.values())
