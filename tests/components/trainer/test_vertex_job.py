"""Training as a Vertex job, against a JobService on loopback that runs what it is sent."""

import dataclasses
import datetime
import json
import os
import pathlib
import runpy
import signal

import grpc
import pytest
from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1.services.job_service.transports import grpc as transport
from google.cloud.aiplatform_v1.types import job_service, job_state
from google.protobuf import empty_pb2

from components import configuration, files, interruption, standalone
from components.trainer import checkpoints, remote_training, vertex_job
from components.trainer.classification.fine_tuning import FineTuningConfig
from components.trainer.config import TrainingConfig
from components.trainer.training_job import MachineConfig, TrainingJob
from tests.pipeline import vertex_server

State = job_state.JobState
IMAGE = "registry.example/trainer-tpu@sha256:" + "c" * 64
MACHINE = MachineConfig(
    image=IMAGE, machine_type="ct5lp-hightpu-4t", tpu_topology="2x2", strategy="tpu"
)


class JobService:
    """Jobs by name; `work` is called with the command when a job is created."""

    def __init__(self, work=lambda command: None):
        self.jobs: dict[str, aiplatform_v1.CustomJob] = {}
        self.created: list[aiplatform_v1.CustomJob] = []
        self.cancelled: list[str] = []
        self.cancels = True
        self.states = [State.JOB_STATE_PENDING, State.JOB_STATE_RUNNING]
        self.last = State.JOB_STATE_SUCCEEDED
        self.errors = 0
        self._polls = 0
        self._work = work

    def create(self, request, context):
        if request.custom_job.job_spec.worker_pool_specs[0].replica_count != 1:
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, "replica_count of the first pool should be 1"
            )
        self.created.append(request.custom_job)
        job = aiplatform_v1.CustomJob(request.custom_job)
        job.name = f"{request.parent}/customJobs/{len(self.created)}"
        job.create_time = datetime.datetime(2026, 1, len(self.created))
        job.state = State.JOB_STATE_PENDING
        self.jobs[job.name] = job
        self._polls = 0
        self._work(list(job.job_spec.worker_pool_specs[0].container_spec.command))
        return job

    def get(self, request, context):
        if self.errors:
            self.errors -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "try again")
        job = self.jobs[request.name]
        job.state = self.states[self._polls] if self._polls < len(self.states) else self.last
        self._polls += 1
        if job.state == State.JOB_STATE_FAILED:
            job.error.message = "The replica workerpool0-0 ran out of memory"
        return job

    def list(self, request, context):
        del context
        wanted = request.filter.split('"')[1]
        found = [job for job in self.jobs.values() if job.display_name == wanted]
        return job_service.ListCustomJobsResponse(custom_jobs=found)

    def cancel(self, request, context):
        self.cancelled.append(request.name)
        if not self.cancels:
            context.abort(grpc.StatusCode.UNAVAILABLE, "try again")
        self.jobs[request.name].state = State.JOB_STATE_CANCELLING
        return empty_pb2.Empty()

    def methods(self):
        def handler(function, request_type, response_type):
            return grpc.unary_unary_rpc_method_handler(
                function,
                request_deserializer=request_type.deserialize,
                response_serializer=response_type.serialize,
            )

        job = aiplatform_v1.CustomJob
        return {
            "CreateCustomJob": handler(self.create, job_service.CreateCustomJobRequest, job),
            "GetCustomJob": handler(self.get, job_service.GetCustomJobRequest, job),
            "ListCustomJobs": handler(
                self.list,
                job_service.ListCustomJobsRequest,
                job_service.ListCustomJobsResponse,
            ),
            "CancelCustomJob": grpc.unary_unary_rpc_method_handler(
                self.cancel,
                request_deserializer=job_service.CancelCustomJobRequest.deserialize,
                response_serializer=empty_pb2.Empty.SerializeToString,
            ),
        }


@pytest.fixture
def service(monkeypatch):
    running = JobService()
    monkeypatch.setattr(vertex_job, "POLL_SECONDS", 0.01)
    name = "google.cloud.aiplatform.v1.JobService"
    with vertex_server.serve(name, running.methods()) as address:
        vertex_server.redirect(monkeypatch, transport.JobServiceGrpcTransport, address)
        yield running


def make_job(root, machine=MACHINE, **labels) -> TrainingJob:
    return TrainingJob(
        project="project",
        region="us-west4",
        service_account="trainer@project.iam.gserviceaccount.com",
        root=str(root),
        name="sample",
        machine=machine,
        labels=labels,
    )


def run(job, name="sample-1", **arguments):
    vertex_job.run(job, name=name, command=["train"], output_dir="gs://bucket/logs", **arguments)


def terminate(seconds):
    os.kill(os.getpid(), signal.SIGTERM)


def press_ctrl_c(seconds):
    raise KeyboardInterrupt


def test_the_request_holds_what_was_asked_for(tmp_path):
    machine = dataclasses.replace(
        MACHINE, spot=True, timeout_hours=2.0, tensorboard="projects/1/tensorboards/2", network="n"
    )
    made = vertex_job.custom_job(
        make_job(tmp_path, machine, team="nlp"), name="a", command=["x"], output_dir="gs://b/logs"
    )
    text = aiplatform_v1.CustomJob.to_json(
        made, including_default_value_fields=False, use_integers_for_enums=False
    )
    assert json.loads(text)["jobSpec"] == {
        "workerPoolSpecs": [
            {
                "machineSpec": {"machineType": "ct5lp-hightpu-4t", "tpuTopology": "2x2"},
                "replicaCount": "1",
                "containerSpec": {"imageUri": IMAGE, "command": ["x"]},
            }
        ],
        "scheduling": {"timeout": "7200s", "restartJobOnWorkerRestart": True, "strategy": "SPOT"},
        "serviceAccount": "trainer@project.iam.gserviceaccount.com",
        "network": "n",
        "tensorboard": "projects/1/tensorboards/2",
        "baseOutputDirectory": {"outputUriPrefix": "gs://b/logs"},
    }
    assert made.labels == {"team": "nlp"}


@pytest.mark.parametrize("accelerator", ["TPU_V2", "TPU_V3", "NVIDIA_TESLA_V100"])
def test_machines_with_an_accelerator_beside_them(tmp_path, accelerator):
    tpu = accelerator.startswith("TPU")
    machine = MachineConfig(
        image=IMAGE,
        machine_type="cloud-tpu" if tpu else "n1-standard-16",
        accelerator=accelerator,
        accelerator_count=8,
        strategy="tpu" if tpu else "mirrored",
    )
    made = vertex_job.custom_job(
        make_job(tmp_path, machine), name="a", command=["x"], output_dir="o"
    )
    spec = made.job_spec.worker_pool_specs[0].machine_spec
    assert (spec.accelerator_type.name, spec.accelerator_count) == (accelerator, 8)


def test_several_workers_are_a_chief_and_a_pool_of_others(service, tmp_path):
    machine = MachineConfig(
        image=IMAGE,
        machine_type="n1-standard-16",
        accelerator="NVIDIA_TESLA_V100",
        accelerator_count=8,
        strategy="multi_worker",
        replica_count=3,
    )
    run(make_job(tmp_path, machine))
    chief, others = service.created[0].job_spec.worker_pool_specs
    assert (chief.replica_count, others.replica_count) == (1, 2)
    assert chief.machine_spec == others.machine_spec
    assert others.machine_spec.accelerator_count == 8
    assert chief.container_spec == others.container_spec
    assert others.container_spec.command == ["train"]


def test_a_job_is_waited_for_through_errors_of_the_connection(service, tmp_path):
    service.errors = 2
    run(make_job(tmp_path))
    assert len(service.created) == 1


def test_a_job_that_is_there_is_not_submitted_again(service, tmp_path):
    job = make_job(tmp_path)
    run(job)
    run(job)
    assert len(service.created) == 1
    run(job, "sample-2")
    assert len(service.created) == 2


def test_a_failure_is_explained_and_may_be_tried_again(service, tmp_path):
    service.last = State.JOB_STATE_FAILED
    with pytest.raises(vertex_job.TrainingJobError, match=r"is failed: .*out of memory.*https"):
        run(make_job(tmp_path))
    service.last = State.JOB_STATE_SUCCEEDED
    run(make_job(tmp_path))
    assert len(service.created) == 2


@pytest.mark.parametrize(
    ("interrupt", "error"),
    [(terminate, interruption.TerminatedError), (press_ctrl_c, KeyboardInterrupt)],
)
@pytest.mark.parametrize("cancels", [True, False])
def test_a_component_that_is_interrupted_cancels_its_job(
    service, tmp_path, interrupt, error, cancels
):
    service.cancels = cancels
    with pytest.raises(error):
        run(make_job(tmp_path), sleep=interrupt)
    assert service.cancelled == list(service.jobs)
    assert len(service.cancelled) == 1


@pytest.mark.parametrize("state", [State.JOB_STATE_CANCELLING, State.JOB_STATE_CANCELLED])
def test_a_cancelled_job_is_not_waited_for(service, tmp_path, state):
    with pytest.raises(KeyboardInterrupt):
        run(make_job(tmp_path), sleep=press_ctrl_c)
    (job,) = service.jobs.values()
    job.state = state
    run(make_job(tmp_path))
    assert len(service.created) == 2


def test_a_job_that_cannot_be_asked_about_goes_on(service, tmp_path, monkeypatch):
    monkeypatch.setattr(vertex_job, "_MAX_FAILED_POLLS", 2)
    service.errors = 3
    with pytest.raises(vertex_job.TrainingJobError, match="could not be asked about 3 times"):
        run(make_job(tmp_path))
    assert not service.cancelled


def test_a_training_is_sent_and_resumed(
    service, tmp_path, monkeypatch, sample_records, tiny_model, tiny_options
):
    config = FineTuningConfig(
        kind="classification",
        task_name="sample",
        labels=("no", "yes"),
        metric_names=("accuracy",),
        seq_len=8,
        uncased=False,
        model=tiny_model,
        options=tiny_options,
        training=TrainingConfig(
            batch_size=10,
            train_steps=6,
            learning_rate=1e-3,
            steps_per_loop=2,
            save_steps=2,
            eval_batch_size=50,
        ),
    )
    machine = MachineConfig(image=IMAGE, machine_type="n1-standard-16", strategy="one_device")
    commands = []
    save = checkpoints.RunCheckpoints.save

    def save_and_stop(self, step, *arguments, **keywords):
        save(self, step, *arguments, **keywords)
        if step == 4 and len(commands) == 1:
            raise RuntimeError("the worker was taken away")

    wait = vertex_job._wait

    def work_and_wait(*arguments):
        # Here and not in the service: a trainer takes over signals, which only a main thread may.
        command = commands[-1]
        module = runpy.run_module(f"{command[2]}.__main__")
        failed = standalone.main(command[2], module["COMMANDS"], command[3:])
        service.last = State.JOB_STATE_FAILED if failed else State.JOB_STATE_SUCCEEDED
        wait(*arguments)

    monkeypatch.setattr(vertex_job, "_wait", work_and_wait)
    monkeypatch.setattr(checkpoints.RunCheckpoints, "save", save_and_stop)
    service._work = commands.append
    arguments = {
        "run_fn": "components.trainer.classification.run_fn.run_fn",
        "config_text": configuration.to_json(config),
        "records_dir": sample_records.directory,
        "state_root": str(tmp_path / "state"),
    }
    job = make_job(tmp_path / "jobs", machine)
    with pytest.raises(vertex_job.TrainingJobError):
        remote_training.train(job, **arguments)
    trained = remote_training.train(job, **arguments)
    assert commands[0] == commands[1]
    assert commands[0][:4] == ["python", "-m", "components.trainer", "classification"]
    rows = pathlib.Path(trained, "history/history.jsonl").read_text().splitlines()
    steps = [row["step"] for row in map(json.loads, rows) if row["kind"] == "train"]
    assert steps == [2, 4, 6], "the second job should have gone on from the first one's checkpoint"
    assert pathlib.Path(trained, "xlnet/xlnet_model.ckpt.index").is_file()


def test_a_job_that_made_nothing_is_found_out(service, tmp_path, sample_records):
    machine = MachineConfig(image=IMAGE, machine_type="n1-standard-16", strategy="one_device")
    with pytest.raises(files.NoSuchFilesError, match="weights of the training job"):
        remote_training.train(
            make_job(tmp_path, machine),
            run_fn="components.trainer.classification.run_fn.run_fn",
            config_text="{}",
            records_dir=sample_records.directory,
            state_root=None,
        )
    assert len(service.created) == 1
