"""The section `deployment` of a configuration: how a pipeline runs on Kubeflow or Vertex AI.

Settings that concern only Kubernetes, such as volumes and secrets, are in `pipeline.kubernetes`.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Annotated

from annotated_types import Ge

from components.configuration import NonNegativeInt, PositiveFloat
from components.trainer.training_job import MachineConfig
from pipeline import searched_folders
from pipeline.beam_runners import BeamConfig
from pipeline.kubernetes import KubernetesConfig

DEFAULT = "default"

_PINNED = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")


class UnpinnedImageError(ValueError):
    """Raised if an image is named by a tag, under which another image may appear at any time."""


def check_pinned(image: str, *, where: str) -> None:
    """Raises an UnpinnedImageError unless an image is named by its digest.

    Args:
        image: name of the image.
        where: the setting that names it, for the message.
    """
    if not _PINNED.fullmatch(image):
        raise UnpinnedImageError(
            f"{where} is {image!r}, which is not pinned. Write NAME@sha256:DIGEST; the digest is "
            "what the push printed. A tag may be moved, and cached results would no longer "
            "belong to the code."
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resources:
    """What a component's container gets. The platform decides about everything that is None.

    Attributes:
        cpu: number of cores.
        memory_gb: memory in gigabytes.
        accelerator: name of the accelerator: Vertex's ("NVIDIA_TESLA_T4") or Kubernetes'
            ("nvidia.com/gpu").
        accelerator_count: number of accelerators; 0 without one.
    """

    cpu: PositiveFloat | None = None
    memory_gb: PositiveFloat | None = None
    accelerator: str | None = None
    accelerator_count: NonNegativeInt = 0

    def __post_init__(self) -> None:
        if (self.accelerator is None) != (self.accelerator_count == 0):
            raise ValueError(
                "accelerator and accelerator_count belong together, but they are "
                f"{self.accelerator!r} and {self.accelerator_count}."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetryConfig:
    """How often, and after which waits, a component that failed is tried again.

    Attributes:
        count: number of further attempts.
        backoff_seconds: wait before the first of them.
        backoff_factor: factor by which the wait grows from one attempt to the next.
        max_backoff_seconds: upper bound of the wait.
    """

    count: NonNegativeInt = 2
    backoff_seconds: NonNegativeInt = 60
    backoff_factor: Annotated[float, Ge(1)] = 2.0
    max_backoff_seconds: int = 3600

    def __post_init__(self) -> None:
        if self.max_backoff_seconds < self.backoff_seconds:
            raise ValueError(
                f"max_backoff_seconds ({self.max_backoff_seconds}) must be at least "
                f"backoff_seconds ({self.backoff_seconds})."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeploymentConfig:
    """Where a pipeline runs, under which account, in which images, and with which resources.

    Attributes:
        image: container image of all components, pinned by digest.
        pipeline_root: folder for the artifacts, such as gs://BUCKET/xlnet. On Kubeflow it may also
            be on s3:// or minio://, and None takes the installation's own root.
        images: images of single components that differ from `image`, by component id ("Trainer").
        project: Google Cloud project; needed for Vertex, Dataflow and training jobs.
        region: Google Cloud region; needed for the same.
        service_account: e-mail address of the Google account under which runs on Vertex, Dataflow's
            workers and training jobs run; needed for the same. The service account of pods on
            Kubeflow is `kubernetes.service_account`.
        resources: resources by component id; those of "default" apply to components that are not
            listed.
        retries: what happens if a component fails.
        uncached: ids of components that always run, even if their inputs have not changed.
        labels: labels for splitting the bill.
        beam: where the Beam components run.
        training_job: machines of a Vertex job that does the Trainer's work; None trains in the
            Trainer's own container.
        kubernetes: service account, volumes, secrets and nodes of the pods on Kubeflow.
        check_accelerators: whether to check that the region has the accelerators, according to the
            lists in `pipeline.accelerators`.
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
        if self.pipeline_root is not None:
            searched_folders.check(self.pipeline_root, setting="pipeline_root")
        check_pinned(self.image, where="image")
        for name, image in self.images.items():
            check_pinned(image, where=f"images.{name}")
        if self.service_account and "@" not in self.service_account:
            raise ValueError(
                f"service_account is {self.service_account!r}, which is no Google account: those "
                "are e-mail addresses, such as NAME@PROJECT.iam.gserviceaccount.com. A service "
                "account of the cluster belongs in kubernetes.service_account."
            )
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
        """Raises a ValueError unless project, region and service account are given.

        Args:
            purpose: what needs them, for the message.
        """
        missing = [
            name for name in ("project", "region", "service_account") if not getattr(self, name)
        ]
        if missing:
            raise ValueError(
                f"{purpose} needs {', '.join(missing)}. Without service_account a run would get "
                "the project's default account, which may do far more than the pipeline needs."
            )

    def resources_of(self, component_id: str) -> Resources:
        """Returns the resources of a component, or the defaults if it has none of its own."""
        return self.resources.get(component_id) or self.resources.get(DEFAULT) or Resources()

    def beam_arguments(self) -> list[str]:
        """Returns the command-line arguments for Beam with which every Beam component starts."""
        return self.beam.arguments(
            pipeline_root=self.pipeline_root or "",
            project=self.project,
            region=self.region,
            service_account=self.service_account,
            labels=self.labels,
        )
