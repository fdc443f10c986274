"""The real client and command of Kubeflow Pipelines against a server on loopback."""

import json
import os
import subprocess
import sys

import kfp
import pytest
import yaml

from pipeline import cli, compilation, submission
from tests.pipeline import kubeflow_server

GIVEN = {"train_steps": 70, "learning_rate": 0.5, "data_root": "gs://other/data"}


@pytest.fixture
def server():
    with kubeflow_server.serve() as running:
        yield running


@pytest.fixture
def compiled(deployed, tmp_path):
    spec = compilation.compile_pipeline(deployed(), "kfp")
    path = tmp_path / "pipeline.yaml"
    path.write_text(compilation.to_text(spec, "kfp"))
    return spec, str(path)


def test_the_client_uploads_and_starts_a_run_with_parameters(server, compiled):
    spec, path = compiled
    client = kfp.Client(host=server.url)
    uploaded = client.upload_pipeline(path, pipeline_name="sample")
    assert uploaded.pipeline_id == "pipeline-1"
    ((query, text),) = server.uploads
    assert query["name"] == "sample"
    assert yaml.safe_load(text) == spec
    client.create_run_from_pipeline_package(path, arguments=GIVEN, enable_caching=None)
    (run,) = server.runs
    assert run["pipeline_spec"] == spec
    assert run["runtime_config"]["parameters"] == GIVEN


def test_the_client_takes_what_the_other_stack_compiled(server, project_root):
    """The golden specification carries the version of the stack that wrote it."""
    path = str(project_root / "tests/pipeline/golden/sample.kfp.yaml")
    client = kfp.Client(host=server.url)
    client.upload_pipeline(path, pipeline_name="sample")
    client.create_run_from_pipeline_package(path, arguments=GIVEN, enable_caching=None)
    (run,) = server.runs
    with open(path) as file:
        assert run["pipeline_spec"] == yaml.safe_load(file)


def test_the_command_uploads_and_starts_a_run_with_parameters(server, compiled):
    spec, path = compiled
    command(server, "pipeline", "create", "-p", "sample", path)
    ((query, text),) = server.uploads
    assert query["name"] == "sample"
    assert yaml.safe_load(text) == spec
    parameters = [f"{name}={value}" for name, value in GIVEN.items()]
    command(server, "run", "create", "-e", "Default", "-r", "first", "-f", path, *parameters)
    (run,) = server.runs
    assert run["pipeline_spec"] == spec
    # kfp 2.5 sends text and kfp 2.16 the declared types; the service reads both.
    sent = run["runtime_config"]["parameters"]
    assert {name: str(v) for name, v in sent.items()} == {k: str(v) for k, v in GIVEN.items()}


def test_submit_starts_a_run_and_refuses_what_the_client_would_let_pass(
    server, deployed, tmp_path, capsys
):
    deployed()
    arguments = ["submit", str(tmp_path / "deployed.yaml"), "--target", "kfp"]
    arguments += ["--endpoint", server.url, "--skip-access-check"]
    assert cli.main([*arguments, "--parameter", "train_step=7"]) == 1
    assert "no runtime parameter 'train_step'. Did you mean 'train_steps'" in (
        capsys.readouterr().err
    )
    assert cli.main([*arguments, "--parameter", "train_steps=many"]) == 1
    assert "train_steps should be of type int, but is 'many'" in capsys.readouterr().err
    assert cli.main([*arguments, "--parameter", "train_steps=-5"]) == 1
    assert "train_steps must be positive, but is -5" in capsys.readouterr().err
    assert cli.main([*arguments, "--parameter", "init_from=/home/me/weights"]) == 1
    assert "init_from is '/home/me/weights', a folder of this machine" in capsys.readouterr().err
    assert not server.runs
    given = [f"--parameter={name}={value}" for name, value in GIVEN.items()]
    assert cli.main([*arguments, *given]) == 0
    (run,) = server.runs
    assert run["runtime_config"]["parameters"] == GIVEN
    assert capsys.readouterr().out.splitlines()[-1] == "run-1"


def test_the_run_has_the_clusters_account_and_its_jobs_googles(server, deployed, tmp_path):
    image = "r/w@sha256:" + "c" * 64
    machine = f"{{image: '{image}', machine_type: n1-standard-16, strategy: one_device}}"
    overrides = (
        f"deployment.beam={{runner: dataflow, sdk_container_image: '{image}'}}",
        f"deployment.training_job={machine}",
    )
    submission.to_kubeflow(deployed(*overrides), {}, endpoint=server.url)
    # The installation then takes its own account.
    assert not server.runs.pop().get("service_account")

    cluster = "deployment.kubernetes={service_account: pipeline-runner}"
    submission.to_kubeflow(deployed(*overrides, cluster), {}, endpoint=server.url)
    (run,) = server.runs
    assert run["service_account"] == "pipeline-runner"
    google = "runner@project.iam.gserviceaccount.com"
    assert f"--service_account_email={google}" in json.dumps(run["pipeline_spec"])
    tasks = run["pipeline_spec"]["root"]["dag"]["tasks"]
    job = tasks["Trainer"]["inputs"]["parameters"]["training_job"]["runtimeValue"]["constant"]
    assert json.loads(job)["service_account"] == google


def command(server, *arguments: str) -> None:
    executable = os.path.join(os.path.dirname(sys.executable), "kfp")
    subprocess.run(
        [executable, "--endpoint", server.url, *arguments],
        check=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def test_the_client_sends_what_kubernetes_is_asked_for(server, deployed, tmp_path):
    config = deployed(
        "deployment.kubernetes={volumes: [{claim: xlnet, path: /mnt/data}], "
        "image_pull_secrets: [registry-key]}"
    )
    spec = compilation.compile_pipeline(config, "kfp")
    platform = compilation.platform_of(spec, config)
    path = tmp_path / "pipeline.yaml"
    path.write_text(compilation.to_text(spec, "kfp", platform))
    client = kfp.Client(host=server.url)
    client.upload_pipeline(str(path), pipeline_name="sample")
    ((_, text),) = server.uploads
    assert list(yaml.safe_load_all(text)) == [spec, platform]
    client.create_run_from_pipeline_package(str(path), arguments=GIVEN, enable_caching=None)
    (run,) = server.runs
    assert run["pipeline_spec"] == {"pipeline_spec": spec, "platform_spec": platform}
