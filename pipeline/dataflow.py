"""The section `deployment.beam.dataflow` of a configuration: what the jobs on Dataflow are given.

The sources are Dataflow's pages on pipeline options, FlexRS, Prime and quotas.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Literal

DATAFLOW_RUNNER = "components.orchestration.dataflow_runner.DataflowRunner"
PRIME = "enable_prime"
# A job has at most this many workers, and this many labels, of which TFX and Beam add some.
MAX_WORKERS = 1000
_MAX_LABELS = 64 - 8
_MIN_DISK_GB = 30
_NETWORK = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBNETWORK = re.compile(
    r"(?:https://www\.googleapis\.com/compute/v1/projects/[^/]+/)?"
    r"regions/(?P<region>[a-z0-9-]+)/subnetworks/[a-z][-a-z0-9]{0,62}"
)
_KEY = re.compile(r"projects/[^/]+/locations/(?P<region>[^/]+)/keyRings/[^/]+/cryptoKeys/[^/]+")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataflowConfig:
    """Settings of Dataflow's jobs. Dataflow decides about everything that is None.

    Attributes:
        workers: number of workers at the beginning.
        autoscaling: "throughput" adds and removes workers; "none" keeps `workers` of them.
        disk_gb: size of a worker's disk in gigabytes.
        network: name of the VPC network of the workers.
        subnetwork: their subnetwork, as regions/REGION/subnetworks/NAME or, in another project's
            network, as https://www.googleapis.com/compute/v1/projects/HOST/regions/….
        public_addresses: whether workers have public IP addresses. Without them, the subnetwork
            needs Private Google Access.
        kms_key: key that encrypts what the job stores, as
            projects/P/locations/REGION/keyRings/R/cryptoKeys/K.
        flexible: FlexRS: "cost_optimized" lets Dataflow delay the job by up to six hours for
            cheaper workers, "speed_optimized" does not.
        prime: whether to use Dataflow Prime, which chooses the machines by itself.
        service_options: further service options of Dataflow.
    """

    workers: int | None = None
    autoscaling: Literal["throughput", "none"] | None = None
    disk_gb: int | None = None
    network: str | None = None
    subnetwork: str | None = None
    public_addresses: bool | None = None
    kms_key: str | None = None
    flexible: Literal["cost_optimized", "speed_optimized"] | None = None
    prime: bool = False
    service_options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.workers is not None and not 1 <= self.workers <= MAX_WORKERS:
            raise ValueError(f"workers is {self.workers}; 1 to {MAX_WORKERS:,}.")
        if self.autoscaling == "none" and self.workers is None:
            raise ValueError("autoscaling 'none' needs workers, the number that it keeps.")
        if self.disk_gb is not None and self.disk_gb < _MIN_DISK_GB:
            raise ValueError(f"disk_gb is {self.disk_gb}; Dataflow's least is {_MIN_DISK_GB}.")
        if self.network is not None and not _NETWORK.fullmatch(self.network):
            raise ValueError(f"network is {self.network!r}; write the bare name of a VPC network.")
        if self.subnetwork is not None and not _SUBNETWORK.fullmatch(self.subnetwork):
            raise ValueError(
                f"subnetwork is {self.subnetwork!r}; write regions/REGION/subnetworks/NAME, or "
                "https://www.googleapis.com/compute/v1/projects/HOST/regions/REGION/subnetworks/"
                "NAME."
            )
        if self.kms_key is not None and not _KEY.fullmatch(self.kms_key):
            raise ValueError(
                f"kms_key is {self.kms_key!r}; write "
                "projects/P/locations/REGION/keyRings/R/cryptoKeys/K."
            )
        if self.flexible and self.autoscaling == "none":
            raise ValueError("flexible (FlexRS) needs autoscaling; leave out autoscaling 'none'.")
        if self.prime and self.flexible:
            raise ValueError("prime and flexible (FlexRS) exclude each other.")
        if PRIME in self.service_options:
            raise ValueError(f"service_options has {PRIME!r}; write prime: true instead.")

    def check(
        self,
        *,
        region: str | None,
        machine_type: str | None,
        max_workers: int | None,
        labels: Mapping[str, str],
    ) -> None:
        """Checks the settings against those of the deployment that they must fit.

        Args:
            region: region of the jobs.
            machine_type: machine type of the workers.
            max_workers: largest number of workers.
            labels: labels of the jobs.

        Raises:
            ValueError: if they do not fit; the message says which.
        """
        if max_workers is not None and not 1 <= max_workers <= MAX_WORKERS:
            raise ValueError(f"max_workers is {max_workers}; 1 to {MAX_WORKERS:,}.")
        if max_workers is not None and (self.workers or 0) > max_workers:
            raise ValueError(
                f"dataflow.workers is {self.workers}, more than max_workers, which is "
                f"{max_workers}."
            )
        if self.flexible and max_workers == 1:
            raise ValueError("dataflow.flexible (FlexRS) needs 2 workers; max_workers is 1.")
        if self.prime and machine_type:
            raise ValueError(
                f"dataflow.prime chooses the machines; leave out machine_type, {machine_type!r}."
            )
        for name, pattern, value in (
            ("subnetwork", _SUBNETWORK, self.subnetwork),
            ("kms_key", _KEY, self.kms_key),
        ):
            found = pattern.fullmatch(value or "")
            if found and found["region"] != region:
                raise ValueError(
                    f"dataflow.{name} is in {found['region']!r}, but the jobs run in {region!r}; "
                    "both must be in the same region."
                )
        if len(labels) > _MAX_LABELS:
            raise ValueError(
                f"There are {len(labels)} labels; a Dataflow job has room for {_MAX_LABELS}."
            )

    def arguments(self, labels: Mapping[str, str]) -> list[str]:
        """Returns Beam's command-line arguments for these settings."""
        algorithms = {"throughput": "THROUGHPUT_BASED", "none": "NONE"}
        options = {
            "num_workers": self.workers,
            "autoscaling_algorithm": algorithms.get(self.autoscaling or ""),
            "disk_size_gb": self.disk_gb,
            "network": self.network,
            "subnetwork": self.subnetwork,
            "dataflow_kms_key": self.kms_key,
            "flexrs_goal": self.flexible and self.flexible.upper(),
        }
        given = [f"--{name}={value}" for name, value in options.items() if value is not None]
        if self.public_addresses is not None:
            given.append("--use_public_ips" if self.public_addresses else "--no_use_public_ips")
        given += [f"--dataflow_service_options={option}" for option in self.service_options]
        if self.prime:
            given.append(f"--dataflow_service_options={PRIME}")
        given += [f"--labels={name}={value}" for name, value in sorted(labels.items())]
        return [
            *given,
            # The image contains all the code. Without these, Beam would send itself, the variables
            # of the main module as a pickle, and a list of the packages that are installed here.
            "--sdk_location=container",
            "--no_save_main_session",
            "--experiments=disable_logging_submission_environment",
        ]
