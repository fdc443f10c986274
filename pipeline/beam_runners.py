"""Where the Beam components of a deployed pipeline run."""

from __future__ import annotations

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True, kw_only=True)
class BeamConfig:
    """The Beam runner of all Beam components.

    Attributes:
        runner: "local" (in the component's container), "dataflow", or "portable" (Flink or Spark
            behind a Beam job server).
        sdk_container_image: image of the workers, pinned by digest: the pipeline's with Beam's boot
            program in it (target `beam-worker`). Needed unless the runner is "local".
        processes: of the local runner; 1 works in one process, 0 takes all cores.
        job_endpoint: HOST:PORT of the job server of Flink or Spark.
        temp_location: folder for Dataflow's files; None takes `<pipeline_root>/dataflow`.
        machine_type: of Dataflow's workers.
        max_workers: of Dataflow.
        parallelism: of Flink.
    """

    runner: Literal["local", "dataflow", "portable"] = "local"
    sdk_container_image: str | None = None
    processes: int = 1
    job_endpoint: str | None = None
    temp_location: str | None = None
    machine_type: str | None = None
    max_workers: int | None = None
    parallelism: int | None = None

    def __post_init__(self) -> None:
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
    ) -> list[str]:
        """What every Beam component is started with."""
        if self.runner == "local":
            # See RunConfig.beam_args for the reasons.
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
        # The image holds all the code; otherwise workers would install this project once more.
        return ["--runner=DataflowRunner", *given, "--sdk_location=container"]
