"""Jobs on a job server: one that works, in this process, and ones that fail in every way."""

import contextlib
import os
import signal
import threading
from concurrent import futures

import apache_beam as beam
import grpc
import pytest
from absl import logging
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_job_api_pb2 as api
from apache_beam.portability.api import beam_job_api_pb2_grpc as service
from apache_beam.runners.portability import local_job_service

from components import files
from components.orchestration import cluster_runner, worker_check
from components.orchestration.cluster_runner import ClusterError

TRACEBACK = """java.lang.RuntimeException: Error received from SDK harness for instruction 1:
Traceback (most recent call last):
  File "a.py", line 1, in process
ValueError: the row 7 is odd [while running 'Read']
"""


def options(endpoint, **more):
    given = {
        "runner": "components.orchestration.cluster_runner.ClusterRunner",
        "job_endpoint": endpoint,
        # Beam's local job server then takes its own threads for workers.
        "environment_type": "beam:env:embedded_python:v1",
        **more,
    }
    return PipelineOptions([f"--{name}={value}" for name, value in given.items()])


def run(endpoint, **more):
    with beam.Pipeline(options=options(endpoint, **more)) as pipeline:
        _ = pipeline | "Numbers" >> beam.Create(range(5)) | "Double" >> beam.Map(_double)


def _double(number):
    beam.metrics.Metrics.counter("test", "doubled").inc()
    return 2 * number


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No server has been checked, and none is waited for long."""
    monkeypatch.setattr(cluster_runner.ClusterRunner, "_checked", {})
    monkeypatch.setattr(cluster_runner, "_RPC_SECONDS", 3.0)
    monkeypatch.setattr(cluster_runner, "_SILENCE_SECONDS", 0.5)


@pytest.fixture
def checked(monkeypatch):
    """The workers are taken to have been checked."""
    monkeypatch.setattr(cluster_runner, "_check_workers", lambda *_: 2)


class JobServer(service.JobServiceServicer):
    """Takes jobs and does nothing with them; by default they stay in the state RUNNING."""

    def __init__(self):
        self.state = api.JobState.RUNNING
        self.words = ()
        self.refusal = None
        self.failure = None
        self.cancelled = threading.Event()
        self.asked = threading.Event()

    def DescribePipelineOptions(self, request, context):  # noqa: N802
        return api.DescribePipelineOptionsResponse()

    def Prepare(self, request, context):  # noqa: N802
        if self.refusal:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, self.refusal)
        self.steps = request.pipeline.components.transforms.values()
        return api.PrepareJobResponse(preparation_id="job-7")

    def GetJobMetrics(self, request, context):  # noqa: N802
        """5 elements of each collection, 1,204 of the step Double's; then the job is done."""
        self.state = api.JobState.DONE
        found = api.MetricResults()
        for step in self.steps:
            for collection in () if step.subtransforms else step.outputs.values():
                found.attempted.add(
                    urn="beam:metric:element_count:v1",
                    type="beam:metrics:sum_int64:v1",
                    # Varints.
                    payload=b"\xb4\x09" if step.unique_name.startswith("Double") else b"\x05",
                    labels={"PCOLLECTION": collection},
                )
        return api.GetJobMetricsResponse(metrics=found)

    def Run(self, request, context):  # noqa: N802
        return api.RunJobResponse(job_id="job-7")

    def GetState(self, request, context):  # noqa: N802
        self.asked.set()
        if self.failure is not None:
            context.abort(self.failure, "no job-7 here")
        return api.JobStateEvent(state=self.state)

    def GetMessageStream(self, request, context):  # noqa: N802
        for words in self.words:
            yield api.JobMessagesResponse(
                message_response=api.JobMessage(
                    message_text=words, importance=api.JobMessage.JOB_MESSAGE_ERROR
                )
            )

    def GetStateStream(self, request, context):  # noqa: N802
        yield api.JobStateEvent(state=api.JobState.RUNNING)

    def Cancel(self, request, context):  # noqa: N802
        self.cancelled.set()
        return api.CancelJobResponse()


@contextlib.contextmanager
def serving(add=lambda server: None):
    server = grpc.server(futures.ThreadPoolExecutor(8))
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", server
    finally:
        server.stop(None).wait()


@pytest.fixture
def job_server():
    """A server, its address, and the grpc.Server that it runs in."""
    made = JobServer()
    with serving(lambda server: service.add_JobServiceServicer_to_server(made, server)) as (
        endpoint,
        server,
    ):
        yield made, endpoint, server


@pytest.fixture(scope="module")
def working(tmp_path_factory):
    """Address of a job server that does the work."""
    servicer = local_job_service.LocalJobServicer(str(tmp_path_factory.mktemp("staging")))
    port = servicer.start_grpc_server(0)
    yield f"localhost:{port}"
    servicer.stop()


def test_a_job_runs_after_the_workers_have_been_checked_once(working, tmp_path):
    for _ in range(2):
        run(working, temp_location=tmp_path)
        (workers,) = cluster_runner.ClusterRunner._checked.values()
        # All threads are one process, and what a check wrote is gone.
        assert workers == 1
        assert list(tmp_path.iterdir()) == []


def test_an_error_in_a_worker_is_told_as_it_was_raised(working):
    with (
        pytest.raises(ClusterError, match=r"^Beam job \S+ at \S+ ended as FAILED: .*not odd$"),
        beam.Pipeline(options=options(working)) as pipeline,
    ):
        _ = pipeline | beam.Create([1]) | beam.Map(_fail)


def _fail(number):
    raise ValueError(f"{number} is not odd")


def test_another_version_is_named_before_the_work(working, monkeypatch):
    here = worker_check._versions()
    answers = iter([{**here, "Apache Beam": "2.1.0"}])
    monkeypatch.setattr(worker_check, "_versions", lambda: next(answers, here))
    with pytest.raises(
        ClusterError,
        match=rf"which has not begun\. .*has Apache Beam {here['Apache Beam']} and not 2\.1\.0",
    ):
        run(working)


def test_a_folder_that_workers_do_not_share_is_named(working, tmp_path, monkeypatch):
    monkeypatch.setattr(worker_check, "make_folder", lambda temporary: f"{temporary}/elsewhere")
    with pytest.raises(ClusterError, match="elsewhere is not the same for the component and its"):
        run(working, temp_location=tmp_path)


def test_a_folder_that_workers_cannot_write_is_named(working, tmp_path, monkeypatch):
    make_folder = worker_check.make_folder

    def refuse(path, content):
        raise PermissionError(f"may not write {path}")

    def make_and_close(temporary):
        made = make_folder(temporary)
        monkeypatch.setattr(files, "write_bytes", refuse)
        return made

    monkeypatch.setattr(worker_check, "make_folder", make_and_close)
    with pytest.raises(ClusterError, match=r"cannot use \S+: may not write"):
        run(working, temp_location=tmp_path)


def test_folders_that_stay_empty_are_not_shared(tmp_path):
    folder = worker_check.make_folder(str(tmp_path))
    with pytest.raises(worker_check.WorkerCheckError, match="what workers wrote is not there"):
        worker_check.count_workers(folder)


def test_no_server():
    with pytest.raises(ClusterError, match=r"No Beam job server answers at localhost:1\. "):
        run("localhost:1")


def test_a_server_of_something_else():
    with (
        serving() as (endpoint, _),
        pytest.raises(
            ClusterError,
            match=rf"does not speak the job protocol of Apache Beam {beam.__version__} \(UNIMPL",
        ),
    ):
        run(endpoint)


def test_a_server_that_refuses_the_job(job_server, checked):
    server, endpoint, _ = job_server
    server.refusal = "unknown URN beam:transform:new:v1"
    with pytest.raises(
        ClusterError, match=rf"refused a job of Apache Beam {beam.__version__}: unknown URN"
    ):
        run(endpoint)


def test_workers_that_do_not_start_are_not_waited_for_for_ever(job_server):
    server, endpoint, _ = job_server
    with pytest.raises(ClusterError, match=r"which has not begun\. .* was not done after 1 s"):
        run(endpoint, worker_start_seconds=1)
    assert server.cancelled.wait(10)


@pytest.mark.parametrize("words", [(TRACEBACK,), ("gone", TRACEBACK, "Error running pipeline.")])
def test_the_last_words_of_a_job(job_server, checked, words):
    server, endpoint, _ = job_server
    server.state, server.words = api.JobState.FAILED, words
    with pytest.raises(
        ClusterError, match=f"^Beam job job-7 at {endpoint} ended as FAILED: the row 7 is odd$"
    ):
        run(endpoint)


def test_a_server_that_stops(job_server, checked):
    server, endpoint, grpc_server = job_server

    def stop():
        server.asked.wait()
        grpc_server.stop(None)

    threading.Thread(target=stop).start()
    with pytest.raises(ClusterError, match="is lost: the job server does not answer any more"):
        run(endpoint)


def test_a_server_that_never_answers_for_its_job(job_server, checked):
    server, endpoint, _ = job_server
    server.failure = grpc.StatusCode.UNAVAILABLE
    with pytest.raises(ClusterError, match=r"does not answer any more \(no job-7 here\)"):
        run(endpoint, progress_seconds=0)


def test_a_server_that_forgets(job_server, checked):
    server, endpoint, _ = job_server
    server.failure = grpc.StatusCode.NOT_FOUND
    with pytest.raises(ClusterError, match=r"no longer knows it \(no job-7 here\)"):
        run(endpoint)


def test_an_interrupted_component_cancels_its_job(job_server, checked, monkeypatch):
    server, endpoint, _ = job_server

    def interrupt(job, limit):
        raise KeyboardInterrupt

    monkeypatch.setattr(cluster_runner._Job, "_watch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(endpoint)
    assert server.cancelled.wait(10)


def test_a_component_that_is_ended_cancels_its_job(job_server, checked, survives_sigterm):
    server, endpoint, _ = job_server

    def end():
        server.asked.wait()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end).start()
    with pytest.raises(SystemExit):
        run(endpoint)
    assert server.cancelled.wait(10)


def test_what_a_job_has_read_and_written_is_told(job_server, checked, monkeypatch):
    _, endpoint, _ = job_server
    told = []
    monkeypatch.setattr(logging, "info", lambda form, *values: told.append(form % values))
    run(endpoint, progress_seconds=0)
    assert told == [
        f"Beam job job-7 at {endpoint}: RUNNING for 0 s, workers: 2; "
        "elements read/written: Numbers 0/5, Double 5/1,204"
    ]
