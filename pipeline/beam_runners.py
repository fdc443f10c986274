"""The section `deployment.beam` of a configuration: where Beam components of a deployment run."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping
from typing import Literal

from components.configuration import NonNegativeInt, PositiveInt
from pipeline.dataflow import DATAFLOW_RUNNER, DataflowConfig

# Where the image beam-worker has Beam's boot program, and what that needs there.
_BOOT = "/opt/apache/beam/boot"
_BOOT_VARIABLES = {"RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT": "1"}
# Where that program listens as a pool of workers (`--worker_pool`).
_POOL = "localhost:50000"
# What only one of the runners knows.
_DATAFLOW = ("temp_location", "machine_type", "max_workers")
_PORTABLE = (
    "job_endpoint",
    "artifact_endpoint",
    "environment",
    "worker_pool",
    "worker_start_seconds",
    "parallelism",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BeamConfig:
    """The runner that all Beam components use.

    Attributes:
        runner: "local" (in the component's own container), "dataflow", or "portable" (Flink or
            Spark behind a Beam job server).
        sdk_container_image: image for the workers, pinned by digest. It is the pipeline's image
            with Beam's boot program (build target `beam-worker`). Required for "dataflow", and for
            "portable" with `environment: docker`.
        processes: number of processes of the local runner, or of worker processes beside each of a
            cluster's machines; 0 takes as many as there are cores.
        job_endpoint: HOST:PORT of the job server of Flink or Spark.
        artifact_endpoint: HOST:PORT at which components reach the job server's artifact service;
            None takes what the server says, which on Kubernetes is only right inside its own pod.
        environment: what starts the workers of "portable": "external", a pool of the image
            beam-worker beside each task manager (the way on Kubernetes); "docker", the task
            manager, through the Docker daemon of its machine; or "process", the task manager as
            processes of its own container, whose image must then hold what beam-worker holds.
        worker_pool: HOST:PORT of the pool as a task manager sees it, for "external"; None takes
            localhost:50000.
        worker_start_seconds: for how long a component waits for the first worker of "portable",
            which may have to load its image; None takes 600.
        temp_location: folder for Dataflow's temporary files; None takes `<pipeline_root>/dataflow`.
        machine_type: machine type of Dataflow's workers; None takes Dataflow's default.
        max_workers: largest number of Dataflow workers; None leaves the limit to Dataflow.
        parallelism: parallelism of Flink; None takes that of its configuration.
        dataflow: further settings of Dataflow's jobs.
    """

    runner: Literal["local", "dataflow", "portable"] = "local"
    sdk_container_image: str | None = None
    processes: NonNegativeInt = 1
    job_endpoint: str | None = None
    artifact_endpoint: str | None = None
    environment: Literal["external", "docker", "process"] | None = None
    worker_pool: str | None = None
    worker_start_seconds: PositiveInt | None = None
    temp_location: str | None = None
    machine_type: str | None = None
    max_workers: int | None = None
    parallelism: PositiveInt | None = None
    dataflow: DataflowConfig = dataclasses.field(default_factory=DataflowConfig)

    def __post_init__(self) -> None:
        if self.runner != "dataflow" and self.dataflow != DataflowConfig():
            raise ValueError(
                f"dataflow belongs to runner 'dataflow', but runner is {self.runner!r}."
            )
        for runner, names in (("dataflow", _DATAFLOW), ("portable", _PORTABLE)):
            given = [name for name in names if getattr(self, name) is not None]
            if given and self.runner != runner:
                raise ValueError(
                    f"{', '.join(given)} belong to runner {runner!r}, but runner is "
                    f"{self.runner!r}."
                )
        if self.runner == "portable":
            self._check_portable()
        needs_image = self.runner == "dataflow" or self.environment == "docker"
        if needs_image and not self.sdk_container_image:
            raise ValueError(
                f"runner {self.runner!r} needs sdk_container_image: workers run this project's "
                "code."
            )

    def _check_portable(self) -> None:
        if self.job_endpoint is None or self.environment is None:
            raise ValueError(
                "runner 'portable' needs job_endpoint, where Beam's job server listens, and "
                "environment: external, docker or process, which says what starts its workers "
                "(docs/clusters.md)."
            )
        if self.worker_pool is not None and self.environment != "external":
            raise ValueError(
                f"worker_pool belongs to environment 'external', but it is {self.environment!r}."
            )
        if self.sdk_container_image is not None and self.environment != "docker":
            raise ValueError(
                f"sdk_container_image has no effect with environment {self.environment!r}: the "
                "cluster's own manifest names the image of its workers."
            )

    def arguments(
        self,
        *,
        pipeline_root: str,
        project: str | None = None,
        region: str | None = None,
        service_account: str | None = None,
        labels: Mapping[str, str] = types.MappingProxyType({}),
    ) -> list[str]:
        """Returns the command-line arguments for Beam with which every Beam component starts.

        Args:
            pipeline_root: folder of the pipeline's artifacts.
            project: Google Cloud project, for Dataflow.
            region: Google Cloud region, for Dataflow.
            service_account: Google account under which Dataflow's workers run.
            labels: labels of Dataflow's jobs.
        """
        if self.runner == "local":
            # `RunConfig.beam_args` explains why both arguments are needed.
            found = ["--runner=FnApiRunner", "--sdk_container_image=unused"]
            if self.processes != 1:
                found += [
                    "--direct_running_mode=multi_processing",
                    f"--direct_num_workers={self.processes}",
                ]
            return found
        if self.runner == "portable":
            return self._portable_arguments(pipeline_root)
        options = {
            "project": project,
            "region": region,
            "service_account_email": service_account,
            "temp_location": self.temp_location or f"{pipeline_root}/dataflow",
            "sdk_container_image": self.sdk_container_image,
            "worker_machine_type": self.machine_type,
            "max_num_workers": self.max_workers,
        }
        given = [f"--{name}={value}" for name, value in options.items() if value is not None]
        return [f"--runner={DATAFLOW_RUNNER}", *given, *self.dataflow.arguments(labels)]

    def _portable_arguments(self, pipeline_root: str) -> list[str]:
        where = {
            "external": self.worker_pool or _POOL,
            "docker": self.sdk_container_image,
            "process": json.dumps({"command": _BOOT, "env": _BOOT_VARIABLES}),
        }[self.environment]
        options = {
            "job_endpoint": self.job_endpoint,
            "artifact_endpoint": self.artifact_endpoint,
            "environment_type": self.environment.upper(),
            "environment_config": where,
            # Named for TFX too, which would otherwise package itself for the workers.
            "sdk_container_image": self.sdk_container_image or "unused",
            "sdk_worker_parallelism": self.processes,
            "temp_location": f"{pipeline_root}/beam",
            "parallelism": self.parallelism,
            "worker_start_seconds": self.worker_start_seconds,
            # A batch job that fails starts over; checkpoints would only cost time.
            "checkpointing_interval": -1,
        }
        given = [f"--{name}={value}" for name, value in options.items() if value is not None]
        return ["--runner=components.orchestration.cluster_runner.ClusterRunner", *given]
