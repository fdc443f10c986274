"""Volumes, secrets and nodes, as Kubeflow's clients and backend are told of them."""

import pytest
import yaml
from google.protobuf import json_format
from kfp import components as kfp_components
from kfp.pipeline_spec import pipeline_spec_pb2

from components.configuration import ConfigurationError
from pipeline import compilation, deployment_checks
from pipeline.deployment_checks import DeploymentError

KUBERNETES = {
    "volumes": [
        {"claim": "xlnet-data", "path": "/mnt/data", "sub_path": "reviews"},
        {"claim": "xlnet-state", "path": "/mnt/state", "components": ["Trainer"]},
    ],
    "image_pull_secrets": ["registry-key"],
    "object_store": {"endpoint": "http://minio-service.kubeflow:9000"},
    "pods": {
        "default": {"node_selector": {"pool": "cpu"}, "timeout_seconds": 3600},
        "Trainer": {
            "node_selector": {"pool": "gpu"},
            "tolerations": [
                {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
                {"key": "spot", "value": "true", "effect": "NoExecute", "seconds": 60},
            ],
            "variables": {"NCCL_DEBUG": "WARN"},
            "secret_variables": [{"secret": "tracking", "variables": {"TOKEN": "token"}}],
            "secret_files": [{"secret": "certificates", "path": "/mnt/certificates"}],
            "shared_memory": "8Gi",
            "timeout_seconds": 86400,
        },
    },
}
# KubernetesExecutorConfig of kubernetes_platform/proto/kubernetes_executor_config.proto, by hand.
S3_KEYS = {
    "secretName": "mlpipeline-minio-artifact",
    "keyToEnv": [
        {"secretKey": "accesskey", "envVar": "AWS_ACCESS_KEY_ID"},
        {"secretKey": "secretkey", "envVar": "AWS_SECRET_ACCESS_KEY"},
    ],
    "optional": False,
}
DATA = {"constant": "xlnet-data", "mountPath": "/mnt/data", "subPath": "reviews"}
OTHERS = {
    "pvcMount": [DATA],
    "imagePullSecret": [{"secretName": "registry-key"}],
    "nodeSelector": {"labels": {"pool": "cpu"}},
    "secretAsEnv": [S3_KEYS],
    "activeDeadlineSeconds": "3600",
}
TRAINER = {
    "pvcMount": [DATA, {"constant": "xlnet-state", "mountPath": "/mnt/state"}],
    "imagePullSecret": [{"secretName": "registry-key"}],
    "nodeSelector": {"labels": {"pool": "gpu"}},
    "tolerations": [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {
            "key": "spot",
            "operator": "Equal",
            "value": "true",
            "effect": "NoExecute",
            "tolerationSeconds": "60",
        },
    ],
    "secretAsEnv": [
        S3_KEYS,
        {
            "secretName": "tracking",
            "keyToEnv": [{"secretKey": "token", "envVar": "TOKEN"}],
            "optional": False,
        },
    ],
    "secretAsVolume": [
        {"secretName": "certificates", "mountPath": "/mnt/certificates", "optional": False}
    ],
    "enabledSharedMemory": {"volumeName": "shared-memory", "size": "8Gi"},
    "activeDeadlineSeconds": "86400",
}


@pytest.fixture
def on_kubernetes(deployed):
    def make(change=None, *overrides):
        given = {**KUBERNETES, **(change or {})}
        return deployed(f"deployment.kubernetes={yaml.safe_dump(given)}", *overrides)

    return make


def test_the_platform_part_says_what_the_deployment_says(on_kubernetes, tmp_path):
    config = on_kubernetes()
    spec = compilation.compile_pipeline(config, "kfp")
    platform = compilation.platform_of(spec, config)
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors.pop("Trainer_executor") == TRAINER
    assert len(executors) == 9
    assert "Visualization_executor" in executors
    assert all(executor == OTHERS for executor in executors.values())
    json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
    variables = {
        label: {entry["name"]: entry["value"] for entry in executor["container"]["env"]}
        for label, executor in spec["deploymentSpec"]["executors"].items()
    }
    store = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://minio-service.kubeflow:9000",
    }
    assert variables.pop("Trainer_executor") == {**store, "NCCL_DEBUG": "WARN"}
    assert all(value == store for value in variables.values())
    path = tmp_path / "pipeline.yaml"
    path.write_text(compilation.to_text(spec, "kfp", platform))
    assert list(yaml.safe_load_all(path.read_text())) == [spec, platform]
    loaded = kfp_components.load_component_from_file(str(path))
    assert json_format.MessageToDict(loaded.platform_spec) == platform


def test_without_it_there_is_one_document(deployed):
    config = deployed()
    spec = compilation.compile_pipeline(config, "kfp")
    assert compilation.platform_of(spec, config) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"volumes": [{"claim": "a", "path": "/x"}, {"claim": "a", "path": "/y"}]},
            "volumes has volume 'a' twice",
        ),
        (
            {"volumes": [{"claim": "a", "path": "/x"}, {"claim": "b", "path": "/x/"}]},
            "the mounts of default has path '/x' twice",
        ),
        ({"volumes": [{"claim": "a", "path": "data"}]}, "should be a folder such as /mnt/data"),
        (
            {"volumes": [{"claim": "a", "path": "/minio/x"}]},
            "launcher puts its copies below /minio",
        ),
        ({"volumes": [{"claim": "A B", "path": "/x"}]}, "no name of an object in Kubernetes"),
        ({"pods": {"Trainer": {"tolerations": [{"value": "x"}]}}}, "a toleration has no key"),
        (
            {"pods": {"Trainer": {"tolerations": [{"key": "a", "operator": "In"}]}}},
            "operator is 'In'",
        ),
        (
            {"pods": {"Trainer": {"tolerations": [{"key": "a", "effect": "No"}]}}},
            "effect is 'No'",
        ),
        ({"pods": {"Trainer": {"shared_memory": "much"}}}, "a size such as 8Gi"),
        ({"pods": {"Trainer": {"timeout_seconds": 0}}}, "timeout_seconds must be positive"),
        ({"pods": {"Trainer": {"variables": {"A-B": "1"}}}}, "no name of an environment variable"),
        (
            {"pods": {"Trainer": {"variables": {"AWS_ENDPOINT_URL": "x"}}}},
            None,
        ),
        (
            {
                "pods": {
                    "Trainer": {
                        "variables": {"TOKEN": "x"},
                        "secret_variables": [{"secret": "s", "variables": {"TOKEN": "t"}}],
                    }
                }
            },
            "the environment of Trainer has variable 'TOKEN' twice",
        ),
        ({"image_pull_secrets": ["a", "a"]}, "image_pull_secrets has secret 'a' twice"),
        ({"object_store": {"endpoint": "minio:9000"}}, "should start with http"),
    ],
)
def test_what_is_wrong_is_named_when_the_configuration_is_read(on_kubernetes, change, message):
    if message is None:
        on_kubernetes(change)
        return
    with pytest.raises(ConfigurationError, match=message):
        on_kubernetes(change)


def test_unknown_components_are_named(on_kubernetes):
    config = on_kubernetes({"pods": {"Trainr": {"shared_memory": "1Gi"}}})
    with pytest.raises(compilation.CompilationError, match="kubernetes names Trainr"):
        compilation.compile_pipeline(config, "kfp")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["deployment.pipeline_root=/mnt/root"], "which no component can open"),
        (["data.root=minio://bucket/data", "deployment.kubernetes=null"], "where that MinIO is"),
        (["init_from=s3://bucket/weights"], "init_from is 's3://bucket/weights', which TensorFlow"),
        (["run.state_root=minio://bucket/state"], "run.state_root is 'minio://bucket/state'"),
        (
            [
                "deployment.pipeline_root=minio://mlpipeline/v2",
                "deployment.beam={runner: portable, job_endpoint: 'flink:8099', "
                "environment: external}",
            ],
            "beam.runner is 'portable', so that other machines open deployment.pipeline_root",
        ),
    ],
)
def test_what_a_pod_cannot_reach_is_refused_at_compile_time(on_kubernetes, overrides, message):
    with pytest.raises(DeploymentError, match=message):
        deployment_checks.check(on_kubernetes(None, *overrides), "kfp")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["run.output_root=gs://bucket/runs"], []),
        (["run.output_root=/mnt/state/runs"], ["pushed models are lost"]),
        (["run.output_root=/mnt/data/runs"], []),
        (["run.output_root=s3://bucket/runs"], ["a Trainer whose pod is lost starts over"]),
        (["run.output_root=s3://bucket/runs", "run.state_root=/mnt/state"], []),
        (["run.output_root=/out"], ["a Trainer whose pod is lost", "pushed models are lost"]),
    ],
)
def test_what_would_be_lost_with_a_pod_is_said(on_kubernetes, overrides, said):
    found = deployment_checks.warnings(on_kubernetes(None, *overrides), "kfp")
    assert len(found) == len(said)
    assert all(warning.startswith(text) for warning, text in zip(found, said, strict=True))


def test_a_root_may_be_the_installations_own(on_kubernetes):
    config = on_kubernetes(None, "deployment.pipeline_root=null")
    assert "defaultPipelineRoot" not in compilation.compile_pipeline(config, "kfp")
    with pytest.raises(DeploymentError, match=r"Vertex AI needs deployment\.pipeline_root"):
        deployment_checks.check(config, "vertex")


def test_a_given_vocabulary_is_never_from_the_cache(on_kubernetes):
    # Its path is all that the backend's cache compares.
    config = on_kubernetes(None, "vocabulary={model: /mnt/data/spiece.model, size: null}")
    spec = compilation.compile_pipeline(config, "kfp")
    task = spec["root"]["dag"]["tasks"]["SentencePieceGen"]
    assert not task["cachingOptions"].get("enableCache")
