"""Configuration of a training job on Vertex AI: its machines, project, account and folders."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Literal

from components.configuration import NonNegativeInt, PositiveFloat, PositiveInt

# The same values as for `TrainingConfig.strategy`.
Strategy = Literal["one_device", "mirrored", "multi_worker", "tpu"]

# Of TPU v2 and v3.
_CORES_OF_A_MACHINE = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class MachineConfig:
    """The workers of a training job.

    Attributes:
        image: container image that runs the training, pinned by digest.
        machine_type: machine type of the workers, such as "ct5lp-hightpu-4t" (TPU v5e), "cloud-tpu"
            (TPU v2 and v3) or "n1-standard-16".
        accelerator: accelerator type, such as "TPU_V3" or "NVIDIA_TESLA_V100"; None for CPU-only
            workers and for TPU v5e, which is part of its machine type.
        accelerator_count: number of accelerators per worker; for TPU v2 and v3, the number of cores
            (8).
        tpu_topology: topology of a TPU v5e, such as "2x2", all of it at one machine; None for
            everything else.
        replica_count: number of workers; several of them need the strategy "multi_worker".
        strategy: value of `training.strategy` in the job: "tpu", "mirrored", "multi_worker" or
            "one_device".
        network: VPC network to peer with, as projects/NUMBER/global/networks/NAME.
        tensorboard: resource name of a Vertex AI TensorBoard instance.
        spot: whether to use cheaper workers that may be preempted at any time.
        restart_on_worker_restart: whether the job starts again after a worker was lost; it then
            resumes from the latest checkpoint.
        timeout_hours: time after which Vertex AI stops the job, in hours.
    """

    image: str
    machine_type: str
    strategy: Strategy
    accelerator: str | None = None
    accelerator_count: NonNegativeInt = 0
    tpu_topology: str | None = None
    replica_count: PositiveInt = 1
    network: str | None = None
    tensorboard: str | None = None
    spot: bool = False
    restart_on_worker_restart: bool = True
    timeout_hours: PositiveFloat = 168.0

    def __post_init__(self) -> None:
        if (self.accelerator is None) != (self.accelerator_count == 0):
            raise ValueError(
                "accelerator and accelerator_count belong together, but they are "
                f"{self.accelerator!r} and {self.accelerator_count}."
            )
        is_tpu = self.machine_type == "cloud-tpu" or self.machine_type.startswith("ct")
        if is_tpu != (self.strategy == "tpu"):
            raise ValueError(
                f"machine_type {self.machine_type!r} and strategy {self.strategy!r} do not fit: "
                "TPU machines (ct5lp-…, cloud-tpu) train with 'tpu', all others without."
            )
        if self.machine_type.startswith("ct5lp-") and not self.tpu_topology:
            raise ValueError("TPU v5e needs tpu_topology, such as '2x2' or '2x4'.")
        if self.tpu_topology and not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)+", self.tpu_topology):
            raise ValueError(f"tpu_topology is {self.tpu_topology!r}; legal are such as '2x2'.")
        if self._is_slice():
            raise ValueError(
                f"machine_type {self.machine_type!r} with accelerator_count "
                f"{self.accelerator_count} and tpu_topology {self.tpu_topology!r} is a TPU slice "
                "of several machines. A job cannot train on one: it knows only the TPU of its own "
                "machine. Take one machine (cloud-tpu with 8 cores, ct5lp-hightpu-8t with '2x4'), "
                "or train without training_job and name the slice in training.tpu."
            )
        if self.replica_count > 1 and self.strategy != "multi_worker":
            raise ValueError(
                f"replica_count is {self.replica_count} and strategy is {self.strategy!r}, with "
                "which each worker would train on its own; several workers train together only "
                "with 'multi_worker'. Otherwise, replica_count is 1."
            )

    def _is_slice(self) -> bool:
        """Whether the machine has only a part of the TPU."""
        if self.machine_type == "cloud-tpu":
            return self.accelerator_count > _CORES_OF_A_MACHINE
        chips = re.search(r"-(\d+)t$", self.machine_type)
        if not chips or not self.tpu_topology:
            return False
        return math.prod(map(int, self.tpu_topology.split("x"))) > int(chips[1])


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """A training job. The Trainer's execution property `training_job` holds it as JSON.

    Attributes:
        project: Google Cloud project that the job runs in and is billed to.
        region: region that the job runs in.
        service_account: service account that the job runs as.
        root: folder with one subfolder per job, for its configuration and results.
        name: prefix of the job names; a digest of what is trained is appended.
        machine: the job's workers.
        labels: labels that appear on the bill.
    """

    project: str
    region: str
    service_account: str
    root: str
    name: str
    machine: MachineConfig
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
