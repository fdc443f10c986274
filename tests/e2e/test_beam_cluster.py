"""Beam's jobs on a cluster: Prism and a pool of workers here, or a cluster that a variable names.

    XLNET_BEAM_ARGUMENTS="--job_endpoint=HOST:PORT --environment_type=EXTERNAL …" \
    XLNET_BEAM_FOLDER=/mnt/shared  pytest tests/e2e/test_beam_cluster.py

The folder is one that the cluster's workers see at the same place as this machine.
"""

import os
import pathlib
import shutil
import textwrap
from collections.abc import Callable

import pytest

from components.orchestration.cluster_runner import ClusterError
from tests.components import beam_jobs
from tests.components.test_standalone import run
from tests.e2e import beam_cluster

pytestmark = pytest.mark.e2e

ARGUMENTS = "XLNET_BEAM_ARGUMENTS"
FOLDER = "XLNET_BEAM_FOLDER"
# Ends a worker, if a file says so, at the moment when its first file of examples would be whole.
KILLER = """
    import os, signal, sys

    def end_at_rename(event, arguments):
        if event == "os.rename" and "/Split-" in str(arguments[0]) and os.path.exists(ARMED):
            os.unlink(ARMED)
            os.kill(os.getpid(), signal.SIGKILL)

    ARMED = os.environ["XLNET_TEST_ARMED"]
    sys.addaudithook(end_at_rename)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder that workers see too."""
    if FOLDER not in os.environ:
        yield tmp_path_factory.mktemp("seen")
        return
    made = pathlib.Path(os.environ[FOLDER]) / f"xlnet-test-{os.getpid()}"
    made.mkdir()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def local_cluster(tmp_path_factory):
    if reason := beam_cluster.why_not():
        pytest.skip(reason)
    own = tmp_path_factory.mktemp("cluster")
    (own / "site").mkdir()
    (own / "site" / "sitecustomize.py").write_text(textwrap.dedent(KILLER))
    variables = {"XLNET_TEST_ARMED": str(own / "armed")}
    with beam_cluster.started(own, path=own / "site", variables=variables) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def arguments(request, folder):
    """Beam's arguments for the cluster."""
    if ARGUMENTS in os.environ:
        given = [f"--runner={beam_cluster.RUNNER}", *os.environ[ARGUMENTS].split()]
    else:
        given = request.getfixturevalue("local_cluster").arguments()
    return [*given, f"--temp_location={folder / 'temporary'}"]


@pytest.fixture(scope="module")
def jobs(folder):
    (folder / "data").mkdir()
    return beam_jobs.make(folder / "data")


def patiently(attempt: Callable[[], str | None]) -> str | None:
    """The error of an attempt, if any; a busy machine may not start a worker in Prism's minute."""
    for _ in range(3):
        error = attempt()
        if error is None or "didn't get control connection" not in error:
            break
    return error


@pytest.mark.parametrize("name", beam_jobs.NAMES)
def test_a_cluster_writes_what_the_local_runner_writes(jobs, folder, arguments, name):
    out = folder / name.replace(" ", "-")
    jobs.run(name, out / "local", beam_jobs.LOCAL)

    def attempt():
        try:
            return jobs.run(name, out / "cluster", arguments)
        except ClusterError as error:
            return str(error)

    assert patiently(attempt) is None
    assert beam_jobs.contents(out / "local") == beam_jobs.contents(out / "cluster")


def test_a_killed_worker_fails_the_component_and_a_second_attempt_succeeds(
    jobs, folder, local_cluster, capsys
):
    settings = folder / "settings.yaml"
    settings.write_text("patterns: {train: squad-*.json}\nmax_dead_letter_share: 0.9\n")

    def convert(name, *arguments):
        """The line in which the component says why it failed; None if it did not."""
        command = ["components.example_gen", "squad", "--config", settings]
        command += ["--data-root", jobs.data, "--examples", folder / name]
        status = run(*command, *(f"--beam-arg={argument}" for argument in arguments))
        lines = capsys.readouterr().err.splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        assert len(errors) == status
        return errors[0] if errors else None

    (local_cluster.folder / "armed").touch()
    error = patiently(lambda: convert("killed", *local_cluster.arguments()))
    assert not (local_cluster.folder / "armed").exists()
    assert "ended as FAILED" in error
    assert "SDK worker disconnected" in error
    # Without counts no preprocessor takes the examples.
    assert not (folder / "killed/counts.json").exists()

    assert patiently(lambda: convert("killed", *local_cluster.arguments())) is None
    assert convert("whole", *beam_jobs.LOCAL, "--sdk_container_image=unused") is None
    assert beam_jobs.contents(folder / "killed") == beam_jobs.contents(folder / "whole")
