"""The arguments for Beam on a cluster, and the manifests that docs/clusters.md offers for one."""

import json

import apache_beam as beam
import kubernetes.client
import pytest
import yaml
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.transforms import environments

from components.configuration import ConfigurationError
from components.orchestration.cluster_runner import ClusterOptions, ClusterRunner

IMAGE = f"registry.example/beam-worker@sha256:{'c' * 64}"
FLINK = "runner: portable, job_endpoint: 'flink:8099'"


def arguments_of(deployed, beam_section):
    return deployed(f"deployment.beam={{{beam_section}}}").deployment.beam_arguments()


def environment_of(arguments):
    """What Beam makes of the arguments, as the job server gets it."""
    options = PipelineOptions(arguments)
    return environments.Environment.from_options(options.view_as(PortableOptions)).to_runner_api(
        None
    )


def test_a_pool_beside_each_task_manager(deployed):
    section = f"{FLINK}, environment: external, parallelism: 8, processes: 0, "
    arguments = arguments_of(deployed, section + "worker_start_seconds: 90")
    assert arguments == [
        "--runner=components.orchestration.cluster_runner.ClusterRunner",
        "--job_endpoint=flink:8099",
        "--environment_type=EXTERNAL",
        "--environment_config=localhost:50000",
        "--sdk_container_image=unused",
        "--sdk_worker_parallelism=0",
        "--temp_location=gs://bucket/root/beam",
        "--parallelism=8",
        "--worker_start_seconds=90",
        "--checkpointing_interval=-1",
    ]
    assert isinstance(beam.Pipeline(argv=arguments).runner, ClusterRunner)
    assert PipelineOptions(arguments).view_as(ClusterOptions).worker_start_seconds == 90
    made = environment_of(arguments)
    assert made.urn == "beam:env:external:v1"
    payload = beam_runner_api_pb2.ExternalPayload.FromString(made.payload)
    assert payload.endpoint.url == "localhost:50000"
    elsewhere = arguments_of(deployed, f"{FLINK}, environment: external, worker_pool: 'pool:5'")
    assert "--environment_config=pool:5" in elsewhere


def test_containers_and_processes_of_the_task_manager(deployed):
    section = f"{FLINK}, environment: docker, sdk_container_image: '{IMAGE}'"
    made = environment_of(arguments_of(deployed, section))
    assert made.urn == "beam:env:docker:v1"
    assert beam_runner_api_pb2.DockerPayload.FromString(made.payload).container_image == IMAGE

    made = environment_of(arguments_of(deployed, f"{FLINK}, environment: process"))
    assert made.urn == "beam:env:process:v1"
    payload = beam_runner_api_pb2.ProcessPayload.FromString(made.payload)
    assert payload.command == "/opt/apache/beam/boot"
    # As the image beam-worker sets it.
    assert payload.env == {"RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT": "1"}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (FLINK, "environment: external, docker or process, which says what starts"),
        ("runner: portable, environment: docker", "needs job_endpoint, where Beam's job server"),
        (f"{FLINK}, environment: docker", "needs sdk_container_image"),
        (f"{FLINK}, environment: dockr", "'dockr'"),
        (f"{FLINK}, environment: process, worker_pool: 'a:1'", "worker_pool belongs to"),
        (
            f"{FLINK}, environment: external, sdk_container_image: '{IMAGE}'",
            "sdk_container_image has no effect with environment 'external'",
        ),
        ("parallelism: 8, worker_pool: 'a:1'", "worker_pool, parallelism belong to runner 'portab"),
    ],
)
def test_what_does_not_fit_together_is_refused(deployed, section, message):
    with pytest.raises(ConfigurationError, match=message):
        arguments_of(deployed, section)


@pytest.fixture(scope="module")
def manifests(project_root):
    text = (project_root / "docs/flink-session-cluster.yaml").read_text()
    return {(m["kind"], m["metadata"]["name"]): m for m in yaml.safe_load_all(text)}


def unknown_fields(value, type_name, where=""):
    """Fields of a manifest that Kubernetes' own client does not know, by their path."""
    if type_name.startswith("list["):
        return [
            found
            for number, item in enumerate(value)
            for found in unknown_fields(item, type_name[5:-1], f"{where}[{number}]")
        ]
    if type_name.startswith("dict("):
        _, _, inner = type_name[5:-1].partition(", ")
        return [f for key in value for f in unknown_fields(value[key], inner, f"{where}.{key}")]
    model = getattr(kubernetes.client, type_name, None)
    if model is None:
        return []
    names = {there: here for here, there in model.attribute_map.items()}
    return [
        found
        for key, inner in value.items()
        for found in (
            unknown_fields(inner, model.openapi_types[names[key]], f"{where}.{key}")
            if key in names
            else [f"{where}.{key}"]
        )
    ]


def test_the_manifests_are_kubernetes_own(manifests):
    client = kubernetes.client.ApiClient()
    for (kind, name), manifest in manifests.items():
        assert unknown_fields(manifest, f"V1{kind}", name) == []

        class Response:
            data = json.dumps(manifest)

        # The client's constructors insist on required fields.
        client.deserialize(Response, f"V1{kind}")


def test_ports_selectors_and_versions_of_the_manifests_agree(manifests, deployed, project_root):
    deployments = {name: m["spec"] for (kind, name), m in manifests.items() if kind == "Deployment"}
    for (kind, name), manifest in manifests.items():
        if kind != "Service":
            continue
        template = deployments[name]["template"]
        assert manifest["spec"]["selector"] == template["metadata"]["labels"]
        listens = {port["containerPort"] for port in template["spec"]["containers"][0]["ports"]}
        assert {port["port"] for port in manifest["spec"]["ports"]} == listens
    for name, spec in deployments.items():
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"], name
    manager, workers = deployments["flink-taskmanager"]["template"]["spec"]["containers"]
    config = yaml.safe_load(manifests["ConfigMap", "flink-config"]["data"]["properties"])
    assert config["jobmanager.rpc.address"] == "flink-jobmanager"
    arguments = arguments_of(deployed, f"{FLINK}, environment: external")
    (port,) = (port["containerPort"] for port in workers["ports"])
    assert f"--environment_config=localhost:{port}" in arguments
    (server,) = deployments["beam-job-server"]["template"]["spec"]["containers"]
    lock = (project_root / "docker/locks/pipeline.lock").read_text()
    image, version = server["image"].rsplit(":", 1)
    assert f"\napache-beam=={version} " in lock
    flink = manager["image"].partition(":")[2].partition("-")[0]
    assert image.endswith(f"apache/beam_flink{flink}_job_server")
    assert "--flink-master=flink-jobmanager:8081" in server["args"]
