"""The real TFX command and Vertex client against a PipelineService on loopback."""

import json
import os
import pathlib
import sys

import grpc
import pytest
from google.cloud.aiplatform_v1.services.pipeline_service.transports import grpc as transport
from google.cloud.aiplatform_v1.types import pipeline_job, pipeline_service, pipeline_state
from tfx.tools.cli import cli_main

from pipeline import cli, kubeflow_v2_runner
from tests.pipeline import golden, vertex_server

GOLDEN = pathlib.Path(__file__).parent / "golden/vertex_request.json"
PARENT = "projects/project/locations/us-central1"


@pytest.fixture
def requests(monkeypatch):
    """What reaches the service."""
    received = []
    jobs = {}

    def create(request, context):
        del context
        received.append(request)
        job = pipeline_job.PipelineJob(request.pipeline_job)
        job.name = f"{request.parent}/pipelineJobs/{request.pipeline_job_id}"
        job.state = pipeline_state.PipelineState.PIPELINE_STATE_PENDING
        jobs[job.name] = job
        return job

    def get(request, context):
        del context
        return jobs[request.name]

    def handler(function, request_type):
        return grpc.unary_unary_rpc_method_handler(
            function,
            request_deserializer=request_type.deserialize,
            response_serializer=pipeline_job.PipelineJob.serialize,
        )

    methods = {
        "CreatePipelineJob": handler(create, pipeline_service.CreatePipelineJobRequest),
        "GetPipelineJob": handler(get, pipeline_service.GetPipelineJobRequest),
    }
    with vertex_server.serve("google.cloud.aiplatform.v1.PipelineService", methods) as address:
        vertex_server.redirect(monkeypatch, transport.PipelineServiceGrpcTransport, address)
        yield received


@pytest.fixture
def tfx_command(monkeypatch, tmp_path, deployed):
    """The `tfx` command in this process, with the environment that it wants."""
    deployed(target="vertex")
    monkeypatch.setenv("VERTEX_HOME", str(tmp_path / "vertex"))
    # It calls `pip freeze`.
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
    monkeypatch.setenv(kubeflow_v2_runner.CONFIG_VARIABLE, str(tmp_path / "deployed.yaml"))

    def run(*arguments: str) -> None:
        cli_main.cli_group(arguments, standalone_mode=False)

    return run


def plain(request) -> dict:
    """The request, without the time and the versions in it."""
    content = json.loads(pipeline_service.CreatePipelineJobRequest.to_json(request))
    job = content["pipelineJob"]
    content["pipelineJobId"] = content["pipelineJobId"].rpartition("-")[0]
    job["labels"] = {k: v for k, v in job["labels"].items() if not k.startswith("tfx_")}
    job["pipelineSpec"] = golden.without_versions(job["pipelineSpec"])
    return content


def test_tfx_creates_and_runs_the_pipeline(requests, tfx_command, monkeypatch):
    runner = kubeflow_v2_runner.__file__
    monkeypatch.setenv(kubeflow_v2_runner.OVERRIDES_VARIABLE, "training.warmup_steps=5\n")
    tfx_command("pipeline", "create", "--engine=vertex", f"--pipeline-path={runner}")
    tfx_command(
        *("run", "create", "--engine=vertex", "--pipeline-name=sample"),
        *("--project=project", "--region=us-central1"),
        *("--runtime-parameter=train_steps=7", "--runtime-parameter=learning_rate=0.5"),
    )
    (request,) = requests
    sent = plain(request)
    parameters = sent["pipelineJob"]["runtimeConfig"]["parameters"]
    assert parameters["train_steps"] == {"intValue": "7"}
    assert parameters["learning_rate"] == {"doubleValue": 0.5}
    if os.environ.get("XLNET_RENEW_GOLDEN"):
        GOLDEN.write_text(json.dumps(sent, indent=1, sort_keys=True) + "\n")
    assert sent == json.loads(GOLDEN.read_text())


def test_submit_runs_as_the_service_account(requests, deployed, tmp_path, capsys):
    deployed(target="vertex")
    arguments = ["submit", str(tmp_path / "deployed.yaml"), "--target", "vertex"]
    assert cli.main([*arguments, "--skip-access-check", "--parameter", "batch_size=16"]) == 0
    (request,) = requests
    assert request.parent == PARENT
    job = request.pipeline_job
    assert job.service_account == "runner@project.iam.gserviceaccount.com"
    assert job.labels["team"] == "nlp"
    assert job.runtime_config.parameters["batch_size"].int_value == 16
    assert job.runtime_config.parameters["train_steps"].int_value == 400
    name = capsys.readouterr().out.splitlines()[-1]
    assert name.startswith(f"{PARENT}/pipelineJobs/sample-")


def test_the_runner_asks_for_a_configuration(monkeypatch):
    monkeypatch.delenv(kubeflow_v2_runner.CONFIG_VARIABLE, raising=False)
    with pytest.raises(ValueError, match="XLNET_CONFIG is not set"):
        kubeflow_v2_runner.main()
