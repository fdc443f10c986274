import boto3
import pytest

from components import files
from components.configuration import ConfigurationError
from pipeline import compilation, deployment_checks
from pipeline.accelerators import AcceleratorError

V5E = "{image: 'r/i@sha256:" + "b" * 64 + "', machine_type: ct5lp-hightpu-4t, strategy: tpu"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("name=Sample_1", "name is 'Sample_1'; it should start with a lower-case letter"),
        ("deployment.image=registry.example/xlnet:latest", "is not pinned"),
        ("deployment.images.Trainer=trainer:1.0", "images.Trainer is 'trainer:1.0'.*not pinned"),
        (f"deployment.training_job={V5E}}}", "TPU v5e needs tpu_topology"),
        ("deployment.beam={runner: dataflow}", "needs sdk_container_image"),
        ("deployment.resources.Trainer.cpu=0", "cpu must be positive"),
        ("deployment.labels.Team=nlp", "labels has 'Team'"),
        ("deployment.regin=x", "has no key 'regin'. Did you mean 'region'"),
    ],
)
def test_what_is_wrong_is_named_when_the_configuration_is_read(deployed, override, message):
    with pytest.raises(ConfigurationError, match=message):
        deployed(override)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("deployment.service_account=null", "Vertex AI needs service_account"),
        ("data.root=/home/me/data", "data.root is '/home/me/data', a folder of this machine"),
        ("run.output_root=runs", "run.output_root is 'runs', a folder of this machine"),
        ("run.push_to=served", "run.push_to is 'served', a folder of this machine"),
        ("deployment.pipeline_root=root", "deployment.pipeline_root is 'root'"),
    ],
)
def test_what_vertex_lacks_is_named(deployed, override, message):
    with pytest.raises(deployment_checks.DeploymentError, match=message):
        compilation.compile_pipeline(deployed(override, target="vertex"), "vertex")


def test_a_region_without_the_accelerator_is_refused_unless_the_check_is_off(deployed):
    elsewhere = "deployment.region=europe-north1"
    with pytest.raises(
        AcceleratorError, match=r"resources\.Trainer asks for NVIDIA_TESLA_T4, which"
    ):
        deployment_checks.check(deployed(elsewhere, target="vertex"), "vertex")
    deployment_checks.check(
        deployed(elsewhere, "deployment.check_accelerators=false", target="vertex"), "vertex"
    )
    job = f"deployment.training_job={V5E}, tpu_topology: 2x2}}"
    deployment_checks.check(deployed(job, "deployment.region=us-west4", target="vertex"), "vertex")
    with pytest.raises(AcceleratorError, match="training_job asks for TPU_V5_LITEPOD, which"):
        deployment_checks.check(
            deployed(job, "deployment.region=us-east4", target="vertex"), "vertex"
        )


def test_a_gate_that_kubeflow_cannot_hold_is_refused(deployed):
    override = "evaluation.thresholds.accuracy={minimum: null, maximum_drop: 0.1}"
    with pytest.raises(
        deployment_checks.DeploymentError, match="compares with the latest blessed model only"
    ):
        deployment_checks.check(deployed(override), "kfp")
    deployment_checks.check(deployed(override, target="vertex"), "vertex")


def test_a_folder_that_cannot_be_written_is_named(deployed, tmp_path):
    (tmp_path / "file").write_text("in the way")
    config = deployed(
        "data.root=package:sample_data/classification",
        f"run.output_root={tmp_path}/out",
        f"deployment.pipeline_root={tmp_path}/root",
    )
    deployment_checks.check_access(config)
    assert not list(tmp_path.glob("root/*"))
    config = deployed(
        "data.root=package:sample_data/classification",
        f"run.output_root={tmp_path}/out",
        f"deployment.pipeline_root={tmp_path}/file/root",
    )
    with pytest.raises(
        deployment_checks.DeploymentError, match=r"pipeline_root .* cannot be written"
    ):
        deployment_checks.check_access(config)


def test_a_pipeline_without_a_deployment_is_refused(deployed):
    with pytest.raises(deployment_checks.DeploymentError, match="has no section `deployment`"):
        deployment_checks.check(deployed("deployment=null"), "kfp")
    for target in compilation.TARGETS:
        with pytest.raises(deployment_checks.DeploymentError, match="has no section `deployment`"):
            compilation.compile_pipeline(deployed("deployment=null"), target)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "deployment.pipeline_root=gs://BUCKET/root",
            "pipeline_root is 'gs://BUCKET', in which BU",
        ),
        ("data.root=gs://BUCKET/data", "data.root is 'gs://BUCKET', in which BUCKET stands for"),
        ("init_from=gs://<bucket>/w", "init_from is 'gs://<bucket>', in which <bucket> stands"),
        ("deployment.project=PROJECT", "deployment.project is 'PROJECT'"),
        ("deployment.service_account=x@PROJECT.iam.gserviceaccount.com", "in which PROJECT stands"),
        (
            f"deployment.image=eu.pkg.dev/PROJECT/r@sha256:{'a' * 64}",
            "deployment.image is .*PROJEC",
        ),
    ],
)
@pytest.mark.parametrize("target", compilation.TARGETS)
def test_a_placeholder_of_the_documentation_is_no_name(deployed, override, message, target):
    config = deployed(override, target=target)
    with pytest.raises(deployment_checks.DeploymentError, match=message):
        compilation.compile_pipeline(config, target)


def test_folders_below_a_bucket_may_have_any_name(deployed):
    deployment_checks.check(deployed("data.root=gs://bucket/DATA/v1/<x>"), "kfp")


@pytest.mark.parametrize(
    ("made_for", "compiled_for", "message"),
    [
        ("kfp", "vertex", r"is 'nvidia.com/gpu', which Vertex AI does not know.*NVIDIA_TESLA_T4"),
        ("vertex", "kfp", r"is 'NVIDIA_TESLA_T4', which Kubeflow Pipelines does.*nvidia.com/gpu"),
    ],
)
def test_an_accelerator_of_the_other_platform_is_refused(deployed, made_for, compiled_for, message):
    with pytest.raises(deployment_checks.DeploymentError, match=message):
        compilation.compile_pipeline(deployed(target=made_for), compiled_for)


def test_a_cluster_sees_volumes_and_no_folders_of_this_machine(deployed):
    for setting in ("init_from", "data.root"):
        with pytest.raises(deployment_checks.DeploymentError, match=f"{setting} is '/home/me/x'"):
            deployment_checks.check(deployed(f"{setting}=/home/me/x"), "kfp")
    volume = "deployment.kubernetes={volumes: [{claim: mine, path: /home/me}]}"
    deployment_checks.check(deployed("init_from=/home/me/x", volume), "kfp")


def test_a_bucket_that_may_be_read_and_not_written_is_named(deployed, s3_endpoint, monkeypatch):
    for name in ("train", "eval", "test"):
        files.write_bytes(f"s3://bucket/data/{name}.tsv", b"text\tlabel\n")
    config = deployed(
        "data.root=minio://bucket/data",
        "run.output_root=minio://bucket/runs",
        "deployment.pipeline_root=null",
    )
    deployment_checks.check_access(config)
    listed = boto3.client("s3").list_objects_v2(Bucket="bucket")["Contents"]
    assert {entry["Key"] for entry in listed} == {
        f"data/{name}.tsv" for name in ("train", "eval", "test")
    }

    def refuse(path, *arguments, **options):
        raise OSError("AccessDenied")

    monkeypatch.setattr(deployment_checks.files, "write_bytes", refuse)
    message = r"run\.push_to \(s3://bucket/runs/serving\) cannot be written: AccessDenied"
    with pytest.raises(deployment_checks.DeploymentError, match=message):
        deployment_checks.check_access(config)


def test_a_training_job_needs_state_that_other_machines_reach(deployed):
    job = f"deployment.training_job={V5E}, tpu_topology: 2x2}}"
    config = deployed(job, "deployment.region=us-west4", "run.state_root=/mnt/state")
    with pytest.raises(
        deployment_checks.DeploymentError, match=r"open run\.state_root .* '/mnt/state'"
    ):
        deployment_checks.check(config, "kfp")
