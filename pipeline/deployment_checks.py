"""What can be found wrong with a deployment before anything is spent."""

from __future__ import annotations

import uuid

from components import files
from pipeline import accelerators
from pipeline.config import PipelineConfig

# Vertex mounts buckets here.
_MOUNTED = "/gcs/"


class DeploymentError(ValueError):
    """A deployment that could not run; the message names the setting."""


def check(config: PipelineConfig, target: str) -> None:
    """Checks what needs no network.

    Args:
        config: of the pipeline.
        target: "kfp" or "vertex".

    Raises:
        DeploymentError: naming the setting that is missing or wrong.
        AcceleratorError: if the region does not have what is asked for.
    """
    given = config.deployment
    if given is None:
        raise DeploymentError(
            "The configuration has no deployment. It names at least pipeline_root and image; see "
            "docs/operators.md."
        )
    if target == "vertex":
        try:
            given.check_cloud(purpose="Vertex AI")
        except ValueError as error:
            raise DeploymentError(str(error)) from error
        _check_remote(config)
    else:
        _check_gate(config)
    _check_training_job(config)
    if given.check_accelerators and given.region:
        _check_accelerators(config)


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
        NoSuchFilesError: naming an input that is not there.
        DeploymentError: naming a folder that cannot be written.
    """
    config.check_inputs()
    for setting, folder in {
        "deployment.pipeline_root": config.deployment.pipeline_root,
        "run.push_to": config.run.serving_dir,
    }.items():
        probe = files.join(folder, f".xlnet-access-{uuid.uuid4().hex}")
        try:
            files.write_bytes(probe, b"may be deleted\n")
            files.remove(probe)
        # Each of Beam's filesystems fails in its own way: no bucket, no permission, no network.
        except Exception as error:
            raise DeploymentError(
                f"{setting} ({folder}) cannot be written: {error}. The account needs the role "
                "roles/storage.objectAdmin on the bucket."
            ) from error


def _check_remote(config: PipelineConfig) -> None:
    """Vertex's workers see buckets, not the folders of the machine that compiles."""
    folders = {
        "deployment.pipeline_root": config.deployment.pipeline_root,
        "data.root": config.data.root,
        "vocabulary.model": config.vocabulary.model,
        "init_from": config.init_from,
        "run.output_root": config.run.output_root,
        "run.push_to": config.run.serving_dir,
    }
    for setting, folder in folders.items():
        if folder is not None and "://" not in folder and not folder.startswith(_MOUNTED):
            raise DeploymentError(
                f"{setting} is {folder!r}, a folder of this machine. Vertex AI reads and writes "
                f"gs://BUCKET/… (or {_MOUNTED}BUCKET/…)."
            )


def _check_gate(config: PipelineConfig) -> None:
    """Kubeflow Pipelines cannot look up the latest blessed model: drops are not measured there."""
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
