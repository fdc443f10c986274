import boto3
import pytest

from components import files
from components.configuration import ConfigurationError
from pipeline import compilation, deployment_checks
from pipeline.accelerators import AcceleratorError

V5E = "{image: 'r/i@sha256:" + "b" * 64 + "', machine_type: ct5lp-hightpu-4t, strategy: tpu"
JOB = f"deployment.training_job={V5E}, tpu_topology: 2x2}}"
TPU_REGION = "deployment.region=us-west4"
DATAFLOW = "deployment.beam={runner: dataflow, sdk_container_image: 'r/w@sha256:" + "c" * 64 + "'}"
SEARCH = (
    "search={metric: accuracy, max_trials: 2, "
    "space: {training.learning_rate: {values: [1.0e-3, 1.0e-4]}}}"
)


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
        (
            "deployment.service_account=pipeline-runner",
            "'pipeline-runner', which is no Google account.*belongs in kubernetes.service_account",
        ),
        (
            "deployment.kubernetes={service_account: runner@project.iam.gserviceaccount.com}",
            "a Google account, but this is the name of.*belongs in deployment.service_account",
        ),
        (
            "deployment.kubernetes={service_account: Runner}",
            "service_account is 'Runner', which is no name of an object in Kubernetes",
        ),
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
        ("deployment.pipeline_root=s3://b/root", "is 's3://b/root', no folder in a bucket of Goo"),
        ("run.output_root=gs://", "run.output_root is 'gs://', no folder in a bucket of Google's"),
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
    deployment_checks.check(deployed(JOB, TPU_REGION, target="vertex"), "vertex")
    with pytest.raises(AcceleratorError, match="training_job asks for TPU_V5_LITEPOD, which"):
        deployment_checks.check(
            deployed(JOB, "deployment.region=us-east4", target="vertex"), "vertex"
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


def volume(path: str, *components: str) -> str:
    """The setting of a volume that only some components get; all of them without names."""
    return (
        f"deployment.kubernetes={{volumes: [{{claim: mine, path: {path}, "
        f"components: [{', '.join(components)}]}}]}}"
    )


@pytest.mark.parametrize(
    ("setting", "folder"),
    [
        ("data.root", "/gcs/bucket/data"),
        ("init_from", "/gcs/bucket/weights"),
        ("run.state_root", "/gcs/bucket/state"),
        ("run.push_to", "/gcs/bucket/served"),
    ],
)
def test_only_vertex_mounts_buckets(deployed, setting, folder):
    deployment_checks.check(deployed(f"{setting}={folder}", target="vertex"), "vertex")
    bucket = folder.replace("/gcs/", "gs://")
    with pytest.raises(
        deployment_checks.DeploymentError,
        match=f"{setting} is '{folder}', but only Vertex AI mounts .* Write {bucket} instead",
    ):
        deployment_checks.check(deployed(f"{setting}={folder}"), "kfp")
    deployment_checks.check(deployed(f"{setting}={bucket}"), "kfp")


# A configuration gives either a model or the size of one to train.
NO_SIZE = ["vocabulary.size=null"]


@pytest.mark.parametrize(
    ("overrides", "given_to", "lacking"),
    [
        (["data.root=/mnt/x/data"], ["Trainer"], "ExampleGen"),
        (["data.root=/mnt/x/data"], ["TextExampleGen"], None),
        (["data.root=/mnt/x/data"], [], None),
        (["init_from=/mnt/x/w"], ["TextExampleGen"], "Trainer"),
        (["init_from=/mnt/x/w"], ["Trainer"], None),
        (["init_from=/mnt/x/w", SEARCH], ["Trainer"], "Tuner"),
        (["init_from=/mnt/x/w", SEARCH], ["Tuner"], "Trainer"),
        (["init_from=/mnt/x/w", SEARCH], ["Tuner", "Trainer"], None),
        (["init_from=/mnt/x/w", SEARCH], [], None),
        ([*NO_SIZE, "vocabulary.model=/mnt/x/v.model"], ["Trainer"], "SentencePieceGen"),
        ([*NO_SIZE, "vocabulary.model=/mnt/x/v.model"], ["SentencePieceGen"], None),
        ([*NO_SIZE, "vocabulary.model=/opt/v.model"], ["Trainer"], None),
    ],
)
def test_a_volume_must_reach_the_component_that_reads_it(deployed, overrides, given_to, lacking):
    config = deployed(*overrides, volume("/mnt/x", *given_to))
    if lacking is None:
        compilation.compile_pipeline(config, "kfp")
        return
    with pytest.raises(
        deployment_checks.DeploymentError,
        match=f"'/mnt/x/.*a volume that the {lacking} does not get. Add the {lacking} to the",
    ):
        compilation.compile_pipeline(config, "kfp")


@pytest.mark.parametrize(
    ("target", "root"),
    [
        ("vertex", "/gcs/bucket/data"),
        ("kfp", "/mnt/x/data"),
        ("kfp", "minio://bucket/data"),
        ("kfp", "s3://bucket/data"),
    ],
)
def test_dataflow_reads_the_raw_data_from_a_bucket(deployed, target, root):
    kubernetes = (
        "deployment.kubernetes={volumes: [{claim: mine, path: /mnt/x}], "
        "object_store: {endpoint: 'http://minio:9000'}}"
    )
    overrides = [f"data.root={root}", kubernetes]
    deployment_checks.check(deployed(*overrides, target=target), target)
    with pytest.raises(
        deployment_checks.DeploymentError,
        match=rf"runner is 'dataflow', so that .* open data\.root .* reach gs:// .* '{root}'",
    ):
        deployment_checks.check(deployed(*overrides, DATAFLOW, target=target), target)
    deployment_checks.check(deployed(kubernetes, DATAFLOW, target=target), target)


@pytest.mark.parametrize("setting", ["run.state_root", "init_from"])
@pytest.mark.parametrize(
    ("target", "folder", "reached"),
    [
        ("kfp", "/gcs/bucket/x", "gs://"),
        ("kfp", "/mnt/x/x", "gs://"),
        ("kfp", "minio://bucket/x", "gs://"),
        ("vertex", "/mnt/x/x", "gs:// and /gcs/"),
        ("vertex", "/gcs/bucket/x", None),
        ("vertex", "gs://bucket/x", None),
        ("kfp", "gs://bucket/x", None),
    ],
)
def test_a_training_job_needs_folders_that_other_machines_reach(
    deployed, setting, target, folder, reached
):
    config = deployed(
        JOB,
        TPU_REGION,
        f"{setting}={folder}",
        volume("/mnt/x"),
        target=target,
    )
    if reached is None:
        deployment_checks.check(config, target)
        return
    with pytest.raises(
        deployment_checks.DeploymentError,
        match=f"training_job is set, so .* open {setting} .* reach {reached} only.* '{folder}'",
    ):
        deployment_checks.check(config, target)
