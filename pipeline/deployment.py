"""What a pipeline on Kubeflow Pipelines or Vertex AI needs to know beside what it computes."""

from __future__ import annotations

import dataclasses
import re

from components.trainer.training_job import MachineConfig
from pipeline import searched_folders
from pipeline.beam_runners import BeamConfig
from pipeline.kubernetes import KubernetesConfig

DEFAULT = "default"

_PINNED = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")


class UnpinnedImageError(ValueError):
    """An image that is named by a tag: what runs under it changes without notice."""


def check_pinned(image: str, *, where: str) -> None:
    """Raises an UnpinnedImageError unless an image is named by its digest."""
    if not _PINNED.fullmatch(image):
        raise UnpinnedImageError(
            f"{where} is {image!r}, which is not pinned. Write NAME@sha256:DIGEST; the digest is "
            "what the push printed. A tag may be moved, and cached results would no longer "
            "belong to the code."
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resources:
    """Of a component's container. What is None is left to the platform.

    Attributes:
        cpu: cores.
        memory_gb: gigabytes.
        accelerator: Vertex's name ("NVIDIA_TESLA_T4") or Kubernetes' ("nvidia.com/gpu").
        accelerator_count: of them.
    """

    cpu: float | None = None
    memory_gb: float | None = None
    accelerator: str | None = None
    accelerator_count: int = 0

    def __post_init__(self) -> None:
        for name in ("cpu", "memory_gb"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be positive, but is {value}.")
        if (self.accelerator is None) != (self.accelerator_count == 0):
            raise ValueError(
                "accelerator and accelerator_count belong together, but they are "
                f"{self.accelerator!r} and {self.accelerator_count}."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetryConfig:
    """What happens when a component fails.

    Attributes:
        count: further attempts.
        backoff_seconds: before the first of them.
        backoff_factor: by which the wait grows.
        max_backoff_seconds: longest wait.
    """

    count: int = 2
    backoff_seconds: int = 60
    backoff_factor: float = 2.0
    max_backoff_seconds: int = 3600

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"count must not be negative, but is {self.count}.")
        if self.backoff_seconds < 0 or self.max_backoff_seconds < self.backoff_seconds:
            raise ValueError(
                f"0 <= backoff_seconds ({self.backoff_seconds}) <= max_backoff_seconds "
                f"({self.max_backoff_seconds}) should hold."
            )
        if self.backoff_factor < 1:
            raise ValueError(f"backoff_factor must be at least 1, but is {self.backoff_factor}.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeploymentConfig:
    """Where and as whom a pipeline runs, in which images, with what resources.

    Attributes:
        pipeline_root: folder for the artifacts, such as gs://BUCKET/xlnet; on Kubeflow also s3://
            and minio://, and None takes the installation's own.
        image: of all components, pinned by digest.
        images: of single components, by id ("Trainer").
        project: Google Cloud's; needed for Vertex, Dataflow and training jobs.
        region: the same.
        service_account: as whom the pipeline runs; the same.
        resources: by component id; "default" holds for those that are not listed.
        retries: of every component.
        uncached: ids of components that always run.
        labels: for the bill.
        beam: where Beam components run.
        training_job: the Trainer's work is done by a Vertex job on these machines; None does it in
            the Trainer's own container.
        kubernetes: volumes, secrets, nodes of the pods on Kubeflow.
        check_accelerators: whether regions are looked up in `pipeline.accelerators`.
    """

    image: str
    pipeline_root: str | None = None
    images: dict[str, str] = dataclasses.field(default_factory=dict)
    project: str | None = None
    region: str | None = None
    service_account: str | None = None
    resources: dict[str, Resources] = dataclasses.field(default_factory=dict)
    retries: RetryConfig = dataclasses.field(default_factory=RetryConfig)
    uncached: tuple[str, ...] = ()
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    beam: BeamConfig = dataclasses.field(default_factory=BeamConfig)
    training_job: MachineConfig | None = None
    kubernetes: KubernetesConfig | None = None
    check_accelerators: bool = True

    def __post_init__(self) -> None:
        searched_folders.check(self.pipeline_root or "", setting="pipeline_root")
        check_pinned(self.image, where="image")
        for name, image in self.images.items():
            check_pinned(image, where=f"images.{name}")
        if self.beam.sdk_container_image:
            check_pinned(self.beam.sdk_container_image, where="beam.sdk_container_image")
        if self.training_job:
            check_pinned(self.training_job.image, where="training_job.image")
        needs_cloud = [
            setting
            for setting, is_set in (
                ("beam.runner 'dataflow'", self.beam.runner == "dataflow"),
                ("training_job", self.training_job is not None),
            )
            if is_set
        ]
        if needs_cloud:
            self.check_cloud(purpose=" and ".join(needs_cloud))
        for key, value in self.labels.items():
            if not _LABEL.fullmatch(key) or not _LABEL.fullmatch(value) or not key:
                raise ValueError(
                    f"labels has {key!r}: {value!r}; both should be lower-case letters, digits, "
                    "hyphens and underscores, 63 at most."
                )

    def check_cloud(self, *, purpose: str) -> None:
        """Raises a ValueError unless project, region and service account are given."""
        missing = [
            name for name in ("project", "region", "service_account") if not getattr(self, name)
        ]
        if missing:
            raise ValueError(
                f"{purpose} needs {', '.join(missing)}. Without service_account a run would get "
                "the project's default account, which may do far more than the pipeline needs."
            )

    def resources_of(self, component_id: str) -> Resources:
        """What a component gets."""
        return self.resources.get(component_id) or self.resources.get(DEFAULT) or Resources()

    def beam_arguments(self) -> list[str]:
        """What every Beam component is started with."""
        return self.beam.arguments(
            pipeline_root=self.pipeline_root or "",
            project=self.project,
            region=self.region,
            service_account=self.service_account,
        )
