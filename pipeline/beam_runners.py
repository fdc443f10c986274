"""The section `deployment.beam` of a configuration: where Beam components of a deployment run."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Literal

from pipeline.dataflow import DATAFLOW_RUNNER, DataflowConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class BeamConfig:
    """The runner that all Beam components use.

    Attributes:
        runner: "local" (in the component's own container), "dataflow", or "portable" (Flink or
            Spark behind a Beam job server).
        sdk_container_image: image for the workers, pinned by digest. It is the pipeline's image
            with Beam's boot program (build target `beam-worker`). Required unless `runner` is
            "local".
        processes: number of processes of the local runner; 0 takes as many as there are cores.
        job_endpoint: HOST:PORT of the job server of Flink or Spark.
        temp_location: folder for Dataflow's temporary files; None takes `<pipeline_root>/dataflow`.
        machine_type: machine type of Dataflow's workers; None takes Dataflow's default.
        max_workers: largest number of Dataflow workers; None leaves the limit to Dataflow.
        parallelism: parallelism of Flink; None takes Flink's default.
        dataflow: further settings of Dataflow's jobs.
    """

    runner: Literal["local", "dataflow", "portable"] = "local"
    sdk_container_image: str | None = None
    processes: int = 1
    job_endpoint: str | None = None
    temp_location: str | None = None
    machine_type: str | None = None
    max_workers: int | None = None
    parallelism: int | None = None
    dataflow: DataflowConfig = dataclasses.field(default_factory=DataflowConfig)

    def __post_init__(self) -> None:
        if self.runner != "dataflow" and self.dataflow != DataflowConfig():
            raise ValueError(
                f"dataflow belongs to runner 'dataflow', but runner is {self.runner!r}."
            )
        if self.runner != "local" and not self.sdk_container_image:
            raise ValueError(
                f"runner {self.runner!r} needs sdk_container_image: workers run this project's "
                "code."
            )
        if (self.runner == "portable") != (self.job_endpoint is not None):
            raise ValueError(
                "job_endpoint belongs to runner 'portable', and only there; runner is "
                f"{self.runner!r} and job_endpoint {self.job_endpoint!r}."
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
            service_account: account under which Dataflow's workers run.
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
            found = [
                "--runner=PortableRunner",
                f"--job_endpoint={self.job_endpoint}",
                "--environment_type=DOCKER",
                f"--environment_config={self.sdk_container_image}",
                f"--sdk_container_image={self.sdk_container_image}",
            ]
            return found + ([f"--parallelism={self.parallelism}"] if self.parallelism else [])
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
