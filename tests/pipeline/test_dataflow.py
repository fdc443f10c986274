"""Beam's own Dataflow client, with this project's options, against a Dataflow on loopback."""

import os
import pathlib
import signal

import apache_beam as beam
import pytest

from components import beam_workers
from components.orchestration import (
    dataflow_api,
    dataflow_runner,
    entry_point,
    executor_input,
    job_name,
)
from components.orchestration.dataflow_error import DataflowError, JobGoesOnError, leaves_a_job
from pipeline import deployment_checks
from tests.pipeline import dataflow_server

NAME = "xlnet-preprocessing-pretraining-0123456789abcdef"
WORKER_IMAGE = "registry.example/xlnet-beam-worker@sha256:" + "c" * 64
KEY = "projects/project/locations/us-central1/keyRings/ring/cryptoKeys/key"
PLAIN = f"deployment.beam={{runner: dataflow, sdk_container_image: '{WORKER_IMAGE}'}}"
BEAM = (
    "deployment.beam={machine_type: n2-highmem-4, max_workers: 20, dataflow: {workers: 2, "
    "autoscaling: throughput, disk_gb: 50, network: net, "
    "subnetwork: regions/us-central1/subnetworks/sub, public_addresses: false, "
    f"kms_key: {KEY}, flexible: cost_optimized, service_options: [some_option]}}}}"
)
LINK = "https://console.cloud.google.com/dataflow/jobs/us-central1/{}?project=project"


@pytest.fixture
def service(tmp_path, monkeypatch):
    monkeypatch.setattr(dataflow_runner, "_POLL_SECONDS", 0.01)
    with dataflow_server.started(tmp_path, monkeypatch) as server:
        make = dataflow_api.DataflowApi.__init__
        monkeypatch.setattr(
            dataflow_api.DataflowApi,
            "__init__",
            lambda api, options: make(api, options, logging_endpoint=server.origin),
        )
        yield server


@pytest.fixture
def logged(monkeypatch):
    lines = []
    monkeypatch.setattr(
        dataflow_runner.logging, "info", lambda text, *given: lines.append(text % given)
    )
    return lines


@pytest.fixture
def make_pipeline(service, deployed):
    """A pipeline as the components of a deployment make it, not yet run."""

    def make(*overrides: str) -> beam.Pipeline:
        config = deployed(PLAIN, *overrides, target="vertex")
        arguments = [
            *config.deployment.beam_arguments(),
            f"--job_name={NAME}",
            f"--dataflow_endpoint={service.address}",
        ]
        made = beam.Pipeline(argv=arguments)
        _ = made | beam.Create([("a", 1)]) | "Tokenise" >> beam.GroupByKey()
        return made

    return make


def test_the_job_has_every_setting(service, make_pipeline, logged):
    service.states = ["JOB_STATE_RUNNING", "JOB_STATE_DONE"]
    with make_pipeline(BEAM):
        pass
    (job,) = service.created
    assert job["name"] == NAME
    assert job["type"] == "JOB_TYPE_BATCH"
    assert job["labels"]["team"] == "nlp"

    environment = job["environment"]
    assert environment["serviceAccountEmail"] == "runner@project.iam.gserviceaccount.com"
    assert environment["serviceKmsKeyName"] == KEY
    assert environment["flexResourceSchedulingGoal"] == "FLEXRS_COST_OPTIMIZED"
    assert environment["serviceOptions"] == ["some_option"]
    folder = f"storage.googleapis.com/bucket/root/dataflow/{NAME}."
    assert environment["tempStoragePrefix"].startswith(folder)
    assert environment["version"]["job_type"] == "FNAPI_BATCH"
    assert environment["userAgent"]["version"] == beam.__version__
    # Only what Beam itself and this project ask for.
    assert "enable_prime" not in environment["experiments"]
    assert "disable_logging_submission_environment" in environment["experiments"]

    (pool,) = environment["workerPools"]
    # Where the word is in the endpoint, Beam writes "local" for "harness".
    assert pool["kind"] == "local"
    assert pool["machineType"] == "n2-highmem-4"
    assert pool["numWorkers"] == 2
    assert pool["autoscalingSettings"] == {
        "algorithm": "AUTOSCALING_ALGORITHM_BASIC",
        "maxNumWorkers": 20,
    }
    assert pool["diskSizeGb"] == 50
    assert pool["network"] == "net"
    assert pool["subnetwork"] == "regions/us-central1/subnetworks/sub"
    assert pool["ipConfiguration"] == "WORKER_IP_PRIVATE"
    assert pool["workerHarnessContainerImage"] == WORKER_IMAGE
    (image,) = pool["sdkHarnessContainerImages"]
    assert image["containerImage"] == WORKER_IMAGE

    # Nothing is staged but the pipeline itself, and no variables of a main module.
    assert not pool.get("packages")
    (staged,) = service.staged()
    assert staged.startswith(f"root/dataflow/{NAME}.")
    assert staged.endswith("/pipeline.pb")
    options = environment["sdkPipelineOptions"]["options"]
    assert not options["save_main_session"]
    assert options["pipelineUrl"] == f"gs://bucket/{staged}"
    (number,) = service.jobs
    assert logged[0] == f"Dataflow job {NAME}: {LINK.format(number)}"


def test_prime_and_defaults(service, make_pipeline):
    with make_pipeline("deployment.beam.dataflow={prime: true}"):
        pass
    environment = service.created[0]["environment"]
    assert environment["serviceOptions"] == ["enable_prime"]
    (pool,) = environment["workerPools"]
    absent = ("machineType", "numWorkers", "diskSizeGb", "network", "subnetwork")
    assert not any(pool.get(name) for name in (*absent, "ipConfiguration"))
    assert not environment.get("serviceKmsKeyName")
    assert not environment.get("flexResourceSchedulingGoal")


def test_a_retry_waits_for_the_job_that_is_there(service, make_pipeline, logged):
    service.add_job("xlnet-another")
    number = service.add_job(NAME)
    service.states = ["JOB_STATE_RUNNING", "JOB_STATE_RUNNING", "JOB_STATE_DONE"]
    made = make_pipeline()
    assert not beam_workers.begins_anew(made)
    assert made.run().wait_until_finish() == "DONE"
    assert service.created == []
    assert service.staged() == []
    assert "waits for it" in logged[0]
    assert LINK.format(number) in logged[1]


def test_a_finished_or_missing_job_is_started_anew(service, make_pipeline):
    assert beam_workers.begins_anew(make_pipeline())
    number = service.add_job(NAME)
    service.jobs[number]["currentState"] = "JOB_STATE_FAILED"
    assert beam_workers.begins_anew(make_pipeline())
    assert beam_workers.begins_anew(beam.Pipeline(runner="FnApiRunner"))


def test_a_job_that_appears_after_the_search_is_waited_for(service, make_pipeline, monkeypatch):
    made = make_pipeline()
    number = service.add_job(NAME)
    service.jobs[number]["clientRequestId"] = "of another"
    monkeypatch.setattr(service, "_create", lambda body: (200, service.jobs[number]))
    searches = iter([None])
    find = dataflow_api.DataflowApi.find_active
    monkeypatch.setattr(
        dataflow_api.DataflowApi,
        "find_active",
        lambda api, name: next(searches, find(api, name)),
    )
    assert made.run()._id == number


def test_a_failure_names_its_errors_and_the_last_lines_of_workers(service, make_pipeline):
    service.states = ["JOB_STATE_RUNNING", "JOB_STATE_FAILED"]
    service.errors = [
        'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: bad record\n',
        "The job failed because a work item has failed 4 times.",
    ]
    service.log = [f"line {number}" for number in range(30)]
    made = make_pipeline()
    with pytest.raises(DataflowError) as raised:
        made.run().wait_until_finish()
    (number,) = service.jobs
    assert str(raised.value) == (
        f"The Dataflow job {NAME} ended as FAILED. bad record. The job failed because a work item "
        "has failed 4 times. Last lines of its workers: "
        + " | ".join(f"line {line}" for line in range(20, 30))
        + f". See {LINK.format(number)}"
    )


def test_a_failure_without_messages_or_access_to_the_log(service, make_pipeline, monkeypatch):
    service.states = ["JOB_STATE_CANCELLED"]
    answer = service.answer
    monkeypatch.setattr(
        service,
        "answer",
        lambda method, path, body: (
            (403, {"error": {"message": "needs logging.viewer"}})
            if path == "/v2/entries:list"
            else answer(method, path, body)
        ),
    )
    with pytest.raises(DataflowError, match=r"ended as CANCELLED\. It gave no reason") as raised:
        make_pipeline().run().wait_until_finish()
    assert "status 403: needs logging.viewer" in str(raised.value)


def test_a_refused_job_is_one_sentence(service, make_pipeline):
    service.refusal = (403, "The caller does not have permission.")
    with pytest.raises(DataflowError) as raised:
        make_pipeline().run()
    text = str(raised.value)
    assert text.startswith(f"Dataflow does not take the job {NAME} in the project 'project'")
    assert "The caller does not have permission. See that" in text
    assert "\n" not in text


def test_a_component_that_is_ended_cancels_its_job(
    service, make_pipeline, monkeypatch, survives_sigterm
):
    service.states = ["JOB_STATE_RUNNING"]
    result = make_pipeline().run()
    before = signal.getsignal(signal.SIGTERM)
    about_jobs, asked = service._about_jobs, []

    def end_when_asked(method, *rest):
        # Whoever asks for the job's state has begun to wait, and is prepared for the signal.
        if method == "GET" and not asked:
            asked.append(method)
            os.kill(os.getpid(), signal.SIGTERM)
        return about_jobs(method, *rest)

    monkeypatch.setattr(service, "_about_jobs", end_when_asked)
    with pytest.raises(SystemExit) as raised:
        result.wait_until_finish()
    assert raised.value.code == 128 + signal.SIGTERM
    assert service.cancelled == list(service.jobs)
    assert signal.getsignal(signal.SIGTERM) == before


def test_progress_is_told(service, make_pipeline, logged, monkeypatch):
    monkeypatch.setattr(dataflow_runner, "_REPORT_SECONDS", 0.0)
    service.states = ["JOB_STATE_RUNNING", "JOB_STATE_DONE"]
    make_pipeline().run().wait_until_finish()
    assert logged[1:] == [
        f"Dataflow job {NAME}: RUNNING for 0 s, workers: 3; elements written: Tokenise 1,200"
    ]


def test_progress_that_may_not_be_read_does_not_end_the_component(
    service, make_pipeline, monkeypatch
):
    warnings = []
    monkeypatch.setattr(
        dataflow_runner.logging, "warning", lambda text, *given: warnings.append(text % given)
    )
    monkeypatch.setattr(dataflow_runner, "_REPORT_SECONDS", 0.0)
    answer = service.answer
    monkeypatch.setattr(
        service,
        "answer",
        lambda method, path, body: (
            (403, {"error": {"message": "needs dataflow.messages.list"}})
            if "/messages" in path
            else answer(method, path, body)
        ),
    )
    service.states = ["JOB_STATE_RUNNING", "JOB_STATE_RUNNING", "JOB_STATE_DONE"]
    assert make_pipeline().run().wait_until_finish() == "DONE"
    (warning,) = warnings
    assert "needs dataflow.messages.list" in warning


def test_a_service_that_is_gone_ends_the_waiting_but_not_the_job(
    service, make_pipeline, monkeypatch
):
    result = make_pipeline().run()
    monkeypatch.setattr(dataflow_runner, "_SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(
        service, "_about_jobs", lambda *_: (503, {"error": {"message": "overloaded"}})
    )
    with pytest.raises(JobGoesOnError, match=r"status 503: overloaded\. It goes on, and a retry"):
        result.wait_until_finish()
    assert service.cancelled == []


@pytest.fixture
def attempt(make_pipeline, tmp_path):
    """Runs a component's job; every attempt has the same output, and so the same other folders."""
    outputs = {"records": {"artifacts": [{"uri": str(tmp_path / "task/records")}]}}
    task = executor_input.Task(
        document={"outputs": {"artifacts": outputs}},
        uris={},
        output_file=str(tmp_path / "task/output.json"),
        root="/",
    )

    def run(folder: pathlib.Path) -> None:
        with entry_point._temporary_folder(task) as path:
            assert path == str(folder)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "file").write_text("of the workers")
            with make_pipeline():
                pass

    return run


@pytest.mark.parametrize("refused", ["the job's state", "the search"])
def test_a_job_that_goes_on_keeps_its_temporary_files(
    service, attempt, tmp_path, monkeypatch, refused
):
    folder = tmp_path / "task/.temp"
    service.states = ["JOB_STATE_RUNNING", "JOB_STATE_DONE"]
    if refused == "the search":
        # An earlier attempt was killed.
        service.add_job(NAME)
    about_jobs, refusals = service._about_jobs, []

    def refuse_once(method, number, *rest):
        if method == "GET" and (number is None) == (refused == "the search") and not refusals:
            refusals.append(method)
            return 403, {"error": {"message": "no access for now"}}
        return about_jobs(method, number, *rest)

    monkeypatch.setattr(service, "_about_jobs", refuse_once)
    with pytest.raises(JobGoesOnError, match="no access for now"):
        attempt(folder)
    assert (folder / "file").exists()
    assert service.cancelled == []
    attempt(folder)
    assert not folder.exists()
    assert len(service.jobs) == 1, "the second attempt waited for the job of the first"


def test_a_job_that_has_ended_keeps_no_temporary_files(service, attempt, tmp_path):
    service.states = ["JOB_STATE_FAILED"]
    with pytest.raises(DataflowError, match="ended as FAILED"):
        attempt(tmp_path / "task/.temp")
    assert not (tmp_path / "task/.temp").exists()


def test_a_job_that_cannot_be_cancelled_keeps_its_temporary_files(
    service, attempt, tmp_path, monkeypatch
):
    service.states = ["JOB_STATE_RUNNING"]
    about_jobs = service._about_jobs

    def refuse_the_end(method, *rest):
        if method == "PUT":
            return 403, {"error": {"message": "may not cancel"}}
        return about_jobs(method, *rest)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(service, "_about_jobs", refuse_the_end)
    monkeypatch.setattr(dataflow_runner.DataflowResult, "_follow", interrupt)
    with pytest.raises(KeyboardInterrupt):
        attempt(tmp_path / "task/.temp")
    assert (tmp_path / "task/.temp/file").exists()


def test_an_error_that_wraps_another_leaves_the_same_job():
    cause = JobGoesOnError("It goes on.")
    wrapped, beside = RuntimeError("[while running 'Tokenise']"), ValueError()
    wrapped.__cause__, beside.__context__ = cause, wrapped
    assert all(map(leaves_a_job, (cause, wrapped, beside)))
    assert not leaves_a_job(DataflowError("It failed."))


def test_the_name_of_a_job_is_that_of_its_task():
    document = {"inputs": {"a": 1}, "outputs": {"uri": "gs://bucket/1"}}
    name = job_name.of("components.preprocessing.pretraining.executor.Executor", document)
    assert name.startswith("xlnet-preprocessing-pretraining-")
    assert name == job_name.of(
        "components.preprocessing.pretraining.executor.Executor", dict(reversed(document.items()))
    )
    others = [
        job_name.of("tfx.components.statistics_gen.executor.Executor", document),
        job_name.of(
            "components.preprocessing.pretraining.executor.Executor",
            {**document, "outputs": {"uri": "gs://bucket/2"}},
        ),
    ]
    assert len({name, *others}) == 3
    # Dataflow's rule for names of jobs.
    for each in (name, *others):
        assert len(each) <= 63
        assert each.replace("-", "a").isalnum()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("{workers: 0}", "workers is 0; 1 to 1,000"),
        ("{autoscaling: none}", "autoscaling 'none' needs workers"),
        ("{disk_gb: 10}", "disk_gb is 10; Dataflow's least is 30"),
        ("{network: projects/p/global/networks/n}", "the bare name of a VPC network"),
        ("{subnetwork: sub}", "write regions/REGION/subnetworks/NAME"),
        ("{kms_key: key}", "kms_key is 'key'"),
        ("{flexible: cost_optimized, workers: 2, autoscaling: none}", "needs autoscaling"),
        ("{flexible: cost_optimized, prime: true}", "exclude each other"),
        ("{service_options: [enable_prime]}", "write prime: true instead"),
    ],
)
def test_illegal_settings(deployed, changes, message):
    with pytest.raises(ValueError, match=message):
        deployed(PLAIN, f"deployment.beam.dataflow={changes}", target="vertex")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["deployment.beam.max_workers=1001"], "max_workers is 1001; 1 to 1,000"),
        (
            ["deployment.beam={max_workers: 20, dataflow: {workers: 30}}"],
            "workers is 30, more than max_workers",
        ),
        (
            ["deployment.beam={max_workers: 1, dataflow: {flexible: speed_optimized}}"],
            "needs 2 workers",
        ),
        (
            ["deployment.beam={machine_type: n2-standard-4, dataflow: {prime: true}}"],
            "leave out machine_type",
        ),
        ([BEAM, "deployment.region=us-east1"], "subnetwork is in 'us-central1', but the jobs run"),
        (
            [f"deployment.beam.dataflow={{kms_key: {KEY}}}", "deployment.region=us-east1"],
            "kms_key is in 'us-central1', but the jobs run",
        ),
        # One more is in the file.
        ([f"deployment.labels={{{', '.join(f'l{i}: x' for i in range(56))}}}"], "57 labels"),
        (["deployment.beam.temp_location=s3://bucket/tmp"], "Dataflow needs a gs:// folder"),
    ],
)
def test_limits_are_known_before_a_run(deployed, changes, message):
    with pytest.raises(deployment_checks.DeploymentError, match=message):
        deployment_checks.check(deployed(PLAIN, *changes, target="vertex"), "vertex")


def test_settings_of_another_runner_are_refused(deployed):
    with pytest.raises(ValueError, match="dataflow belongs to runner 'dataflow'"):
        deployed("deployment.beam={dataflow: {workers: 3}}")
