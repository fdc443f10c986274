"""Checks a deployment for mistakes before a run costs anything.

`check` needs no network, `warnings` lists what is legal but suspicious, and `check_access` tries
the inputs and the output folders themselves.
"""

from __future__ import annotations

import re
import uuid

from components import configuration, files
from pipeline import accelerators
from pipeline.config import PipelineConfig

# Vertex mounts buckets below this folder. In pods on Kubeflow it is an empty volume, to which the
# launcher downloads.
_MOUNTED = "/gcs/"
_ON_VERTEX = re.compile(rf"(gs://|{_MOUNTED})[^/]")
# The id of the component that reads the raw data ends like this, in every kind of pipeline.
_EXAMPLE_GEN = "ExampleGen"
# Matches placeholders such as BUCKET or <project> in the examples of the documentation. Real names
# of buckets, projects, accounts and images contain no capitals, braces or angle brackets.
_PLACEHOLDER = re.compile(r"(?<![A-Za-z0-9%])[<{]?[A-Z][A-Z0-9_-]+[>}]?(?![a-z])|<[^<>]*>|…")
# Kinds of storage that Kubeflow's launcher copies from and to.
_ROOTS = ("gs://", "s3://", "minio://")
# Kinds of storage that TensorFlow cannot open. They are reached through Beam, or through the copies
# that the launcher makes.
_OBJECT_STORES = ("s3://", "minio://")


class DeploymentError(ValueError):
    """Raised if a deployment could not run; the message names the setting."""


def check(config: PipelineConfig, target: str) -> None:
    """Checks everything that can be checked without a network.

    Args:
        config: configuration of the pipeline.
        target: platform to run on, "kfp" or "vertex".

    Raises:
        DeploymentError: if a setting is missing or wrong; the message names it.
        AcceleratorError: if the region does not have an accelerator that is asked for.
    """
    given = config.deployment
    if given is None:
        raise DeploymentError(
            "The configuration has no section `deployment`. For kfp it needs at least image; for "
            "vertex also pipeline_root, project, region and service_account. docs/operators.md has "
            "an example."
        )
    _check_placeholders(config)
    _check_other_machines(config, target)
    if target == "vertex":
        try:
            given.check_cloud(purpose="Vertex AI")
        except ValueError as error:
            raise DeploymentError(str(error)) from error
    else:
        _check_kubeflow_root(config)
        _check_object_store(config)
        _check_gate(config)
    _check_remote(config, target)
    _check_names_of_accelerators(config, target)
    _check_dataflow(config)
    _check_training_job(config)
    if given.check_accelerators and given.region:
        _check_accelerators(config)


def warnings(config: PipelineConfig, target: str) -> list[str]:
    """Lists settings that are legal but may not be what the user intended, a sentence for each."""
    if target != "kfp":
        return []
    found = []
    state, given = config.run.training_state, config.deployment.kubernetes
    if not _outlives_pod(config, state, "Trainer"):
        found.append(
            f"a Trainer whose pod is lost starts over: its state is at {state}, on the pod's own "
            "disk. Set run.state_root to a folder of a volume (deployment.kubernetes.volumes), or "
            "to a gs:// folder."
        )
    if not _outlives_pod(config, config.run.serving_dir, "Pusher"):
        found.append(
            f"pushed models are lost with the Pusher's pod: they go to {config.run.serving_dir}, "
            "on its own disk. Set run.push_to to a bucket, or to a folder of a volume."
        )
    if given is not None and given.object_store is not None and given.object_store.secret is None:
        found.append(
            "deployment.kubernetes.object_store has no secret: the pods' service account must be "
            "allowed to read and write."
        )
    return found


def _outlives_pod(config: PipelineConfig, path: str, component_id: str) -> bool:
    given = config.deployment.kubernetes
    return "://" in path or (given is not None and given.is_on_volume(path, component_id))


def _check_kubeflow_root(config: PipelineConfig) -> None:
    root = config.deployment.pipeline_root
    if root is not None and not root.startswith(_ROOTS):
        raise DeploymentError(
            f"deployment.pipeline_root is {root!r}, which no component can open: Kubeflow's "
            f"launcher copies from and to {', '.join(_ROOTS)} only. Leave it out for the "
            "installation's own root."
        )


def _check_object_store(config: PipelineConfig) -> None:
    """Checks folders on S3 services, which only Beam and the launcher's copies can reach."""
    given = config.deployment.kubernetes
    store = given.object_store if given is not None else None
    for setting, folder in {
        "data.root": config.data.root,
        "vocabulary.model": config.vocabulary.model,
        "run.push_to": config.run.serving_dir,
    }.items():
        if folder and folder.startswith("minio://") and (store is None or not store.endpoint):
            raise DeploymentError(
                f"{setting} is {folder!r}, but nothing says where that MinIO is. Set "
                "deployment.kubernetes.object_store.endpoint, such as "
                "http://minio-service.kubeflow:9000."
            )
    for setting, folder in {
        "init_from": config.init_from,
        "run.state_root": config.run.training_state,
    }.items():
        if folder and folder.startswith(_OBJECT_STORES):
            raise DeploymentError(
                f"{setting} is {folder!r}, which TensorFlow cannot open. Use a folder of a volume "
                "(deployment.kubernetes.volumes), or a gs:// folder."
            )


def _check_other_machines(config: PipelineConfig, target: str) -> None:
    """Checks that Beam's workers and training jobs can open the folders that they need.

    They open files by themselves: they have neither the copies that Kubeflow's launcher makes nor
    the volumes and keys of the pods.
    """
    given = config.deployment
    buckets = ("gs://",)
    asked = []
    if given.beam.runner != "local":
        runner = f"deployment.beam.runner is {given.beam.runner!r}"
        asked.append((runner, "deployment.pipeline_root", given.pipeline_root, buckets))
        if given.beam.runner == "dataflow":
            # What the workers of Flink or Spark can read is decided by the cluster's own manifest.
            asked.append((runner, "data.root", config.data.root, buckets))
    if given.training_job is not None:
        # Vertex mounts buckets into its jobs and its components alike. On Kubeflow the Trainer's
        # pod has no such mount, but has to find there what the job has written.
        reached = (*buckets, _MOUNTED) if target == "vertex" else buckets
        job = "deployment.training_job is set"
        asked.append((job, "deployment.pipeline_root", given.pipeline_root, reached))
        asked.append((job, "run.state_root", config.run.training_state, reached))
        if config.init_from is not None:
            asked.append((job, "init_from", config.init_from, reached))
    for reason, setting, folder, reached in asked:
        if not (folder or "").startswith(reached):
            raise DeploymentError(
                f"{reason}, so that other machines open {setting} themselves, without the volumes "
                f"and keys of the pods. They reach {' and '.join(reached)} only, but it is "
                f"{folder!r}. Set it to a gs:// folder, or run in the components' own pods."
            )


def _check_dataflow(config: PipelineConfig) -> None:
    given = config.deployment
    beam = given.beam
    if beam.runner != "dataflow":
        return
    try:
        beam.dataflow.check(
            region=given.region,
            machine_type=beam.machine_type,
            max_workers=beam.max_workers,
            labels=given.labels,
        )
    except ValueError as error:
        raise DeploymentError(f"deployment.beam: {error}") from error
    if beam.temp_location is not None and not beam.temp_location.startswith("gs://"):
        raise DeploymentError(
            f"deployment.beam.temp_location is {beam.temp_location!r}; Dataflow needs a gs:// "
            "folder, or nothing for one below pipeline_root."
        )


def _check_training_job(config: PipelineConfig) -> None:
    asked = [name for name in ("search", "repeats") if getattr(config, name) is not None]
    if config.deployment.training_job is not None and asked:
        raise DeploymentError(
            f"deployment.training_job trains once, with given settings, but {' and '.join(asked)} "
            "is configured as well; leave out one of the two."
        )


def check_access(config: PipelineConfig) -> None:
    """Looks for the inputs, and writes and deletes a file in every folder that a run writes to.

    Raises:
        NoSuchFilesError: if an input does not exist; the message names it.
        DeploymentError: if a folder cannot be written; the message names it.
    """
    # Beam only knows the scheme s3:// for S3 services; AWS_ENDPOINT_URL says where MinIO is.
    text = configuration.to_json(config).replace("minio://", "s3://")
    config = configuration.from_json(type(config), text, where="configuration")
    config.check_inputs()
    for setting, folder in {
        "deployment.pipeline_root": config.deployment.pipeline_root,
        "run.push_to": config.run.serving_dir,
    }.items():
        if folder is None:
            continue  # None stands for the installation's own root, which is not known here.
        probe = files.join(folder, f".xlnet-access-{uuid.uuid4().hex}")
        try:
            files.write_bytes(probe, b"may be deleted\n")
            files.remove(probe)
        # Beam's filesystems raise different exceptions for a missing bucket, permission or network.
        except Exception as error:
            raise DeploymentError(
                f"{setting} ({folder}) cannot be written: {error}. On Google Cloud the account "
                "needs the role roles/storage.objectAdmin on the bucket; elsewhere, see that the "
                "folder is there and that its keys may write."
            ) from error


def _folders(config: PipelineConfig) -> dict[str, str | None]:
    return {
        "deployment.pipeline_root": config.deployment.pipeline_root,
        "data.root": config.data.root,
        "vocabulary.model": config.vocabulary.model,
        "init_from": config.init_from,
        "run.output_root": config.run.output_root,
        "run.state_root": config.run.state_root,
        "run.push_to": config.run.serving_dir,
    }


def _check_placeholders(config: PipelineConfig) -> None:
    """Refuses names that were copied from an example in the documentation and not filled in."""
    given = config.deployment
    names = {
        # Only the bucket is checked, because folders in it may have any name.
        **{
            setting: "/".join(folder.split("/")[:3])
            for setting, folder in _folders(config).items()
            if folder is not None and folder.startswith("gs://")
        },
        "deployment.project": given.project,
        "deployment.region": given.region,
        "deployment.service_account": given.service_account,
        "deployment.image": given.image.partition("@")[0],
        **{
            f"deployment.images.{name}": image.partition("@")[0]
            for name, image in given.images.items()
        },
    }
    for setting, name in names.items():
        found = _PLACEHOLDER.search(name or "")
        if found:
            raise DeploymentError(
                f"{setting} is {name!r}, in which {found[0]} stands for a name of your own; write "
                "that instead."
            )


def _check_remote(config: PipelineConfig, target: str) -> None:
    """Checks that containers can reach all folders, which have to be in buckets or on volumes."""
    if target == "kfp":
        _check_pods_reach_folders(config)
        return
    if config.deployment.pipeline_root is None:
        raise DeploymentError(
            "Vertex AI needs deployment.pipeline_root, a gs:// folder for the artifacts."
        )
    for setting, folder in _folders(config).items():
        if folder is not None and not _ON_VERTEX.match(folder):
            what = (
                "no folder in a bucket of Google's"
                if "://" in folder
                else "a folder of this machine"
            )
            raise DeploymentError(
                f"{setting} is {folder!r}, {what}. Vertex AI reads and writes gs://BUCKET/… (or "
                f"{_MOUNTED}BUCKET/…)."
            )


def _check_pods_reach_folders(config: PipelineConfig) -> None:
    """Checks the folders of a run on Kubeflow.

    `warnings` reports outputs that would go to a pod's own disk.
    """
    for setting, folder in _folders(config).items():
        if folder is not None and folder.startswith(_MOUNTED):
            raise DeploymentError(
                f"{setting} is {folder!r}, but only Vertex AI mounts buckets below {_MOUNTED}; "
                "pods on Kubeflow have an empty folder there. Write "
                f"gs://{folder.removeprefix(_MOUNTED)} instead."
            )
    trainers = ["Trainer"] if config.search is None else ["Tuner", "Trainer"]
    for setting, folder, readers, may_be_in_image in (
        ("data.root", config.data.root, [_example_gen(config)], False),
        ("init_from", config.init_from, trainers, False),
        ("vocabulary.model", config.vocabulary.model, ["SentencePieceGen"], True),
    ):
        if folder is None or "://" in folder:
            continue
        given = config.deployment.kubernetes
        if given is None or not given.is_on_any_volume(folder):
            if may_be_in_image:
                continue
            raise DeploymentError(
                f"{setting} is {folder!r}, a folder of this machine. Kubeflow Pipelines reads "
                "buckets (gs://, s3://, minio://) and the folders of "
                "deployment.kubernetes.volumes."
            )
        for reader in readers:
            if not given.is_on_volume(folder, reader):
                raise DeploymentError(
                    f"{setting} is {folder!r}, a folder of a volume that the {reader} does not "
                    f"get. Add the {reader} to the volume's components "
                    "(deployment.kubernetes.volumes), or leave them out, for all to get it."
                )


def _example_gen(config: PipelineConfig) -> str:
    """Returns the id of the component that reads the raw data, if a volume or pod names it.

    What no setting names gets the volumes that all components get, whatever its id.
    """
    given = config.deployment.kubernetes
    named = sorted(given.component_ids()) if given is not None else []
    return next((name for name in named if name.endswith(_EXAMPLE_GEN)), _EXAMPLE_GEN)


def _check_names_of_accelerators(config: PipelineConfig, target: str) -> None:
    """Checks that names of accelerators belong to the target platform.

    Kubernetes' names have a domain before a slash; Vertex's are words in capitals.
    """
    for name, resources in config.deployment.resources.items():
        given = resources.accelerator
        if given is None or ("/" in given) == (target == "kfp"):
            continue
        platform, such_as = {
            "kfp": ("Kubeflow Pipelines", "nvidia.com/gpu"),
            "vertex": ("Vertex AI", "NVIDIA_TESLA_T4"),
        }[target]
        raise DeploymentError(
            f"deployment.resources.{name}.accelerator is {given!r}, which {platform} does not "
            f"know: its names are such as {such_as}."
        )


def _check_gate(config: PipelineConfig) -> None:
    """Refuses thresholds that only compare with the latest blessed model, for Kubeflow Pipelines.

    Kubeflow Pipelines cannot look up that model, so such a threshold would have no effect.
    """
    for metric, threshold in config.evaluation.thresholds.items():
        if threshold.minimum is None and threshold.maximum is None:
            raise DeploymentError(
                f"evaluation.thresholds.{metric} compares with the latest blessed model only. "
                "Kubeflow Pipelines cannot look that up (its backend has no resolvers), so this "
                "would bound nothing there; give a minimum or maximum as well."
            )


def _check_accelerators(config: PipelineConfig) -> None:
    given = config.deployment
    wanted = {
        f"deployment.resources.{name}": resources.accelerator
        for name, resources in given.resources.items()
    }
    job = given.training_job
    if job is not None:
        wanted["deployment.training_job"] = accelerators.of_machine(
            job.machine_type, job.accelerator
        )
    for where, accelerator in wanted.items():
        if accelerator is not None:
            accelerators.check(accelerator, given.region, where=where)
