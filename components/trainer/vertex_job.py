"""Runs a training as a custom job on Vertex AI and waits for it.

A job is named after what it trains. If the same training is requested again, for example by a
retried component, the existing job is found: a running job is waited for, and one that has
succeeded is not repeated. A component that is interrupted cancels its job.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from components import interruption
from components.trainer.training_job import TrainingJob

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
    from google.cloud.aiplatform_v1.types import CustomJob

_logger = logging.getLogger(__name__)

POLL_SECONDS = 30.0
# Number of consecutive polls that may fail, which amounts to ten minutes without an answer.
_MAX_FAILED_POLLS = 20
# Kubernetes gives a container half a minute between SIGTERM and its end.
_CANCEL_SECONDS = 20.0
_RUNNING = ("QUEUED", "PENDING", "RUNNING", "PAUSED", "UPDATING")
_SUCCEEDED = ("SUCCEEDED", "PARTIALLY_SUCCEEDED")


class TrainingJobError(RuntimeError):
    """A job that did not succeed; the message gives Vertex AI's reason and the link to its log."""


def digest(*parts: str) -> str:
    """Returns a digest to name a job by; the same parts give the same digest."""
    content = hashlib.sha256()
    for part in parts:
        content.update(f"{len(part)}:{part}".encode())
    return content.hexdigest()[:16]


def run(
    job: TrainingJob,
    *,
    name: str,
    command: Sequence[str],
    output_dir: str,
    client: JobServiceClient | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Submits the job unless it already exists, and waits until it has succeeded.

    Ctrl-C and SIGTERM cancel the job, because nobody would wait for it any more, and it is billed
    until it ends. Any other error leaves it running for a retry to find.

    Args:
        job: project, region, service account and machines of the job.
        name: name of the job, unique to what it trains.
        command: command that the container runs.
        output_dir: folder for TensorBoard's logs, if the job has a TensorBoard instance.
        client: Vertex AI client; None connects to the job's region.
        sleep: function that waits between two polls; tests replace it.

    Raises:
        TrainingJobError: if the job fails, is cancelled, or its state cannot be queried.
    """
    from google.api_core import exceptions

    client = client or _connect(job.region)
    found = _find(client, job, name)
    if found is None:
        found = client.create_custom_job(
            parent=_parent(job),
            custom_job=custom_job(job, name=name, command=command, output_dir=output_dir),
        )
        _logger.info("submitted %s: %s", name, console_url(found.name))
    else:
        _logger.info("%s is there already: %s", name, console_url(found.name))
    try:
        with interruption.termination_as_exit():
            _wait(client, found.name, sleep)
    except (KeyboardInterrupt, interruption.TerminatedError):
        _logger.info("interrupted: %s is cancelled", name)
        # What ended the component must not be hidden by an error of the service.
        with contextlib.suppress(exceptions.GoogleAPIError):
            client.cancel_custom_job(name=found.name, timeout=_CANCEL_SECONDS)
        raise


def custom_job(
    job: TrainingJob, *, name: str, command: Sequence[str], output_dir: str
) -> CustomJob:
    """Builds the request to Vertex AI; arguments as for `run`."""
    from google.cloud import aiplatform_v1
    from google.protobuf import duration_pb2

    machine = job.machine
    worker = {
        "machine_spec": _without_none(
            machine_type=machine.machine_type,
            accelerator_type=machine.accelerator,
            accelerator_count=machine.accelerator_count or None,
            tpu_topology=machine.tpu_topology,
        ),
        "container_spec": {"image_uri": machine.image, "command": list(command)},
    }
    # Vertex AI takes the first pool for the chief, of which there is one, and the second one for
    # the other workers.
    replica_counts = [1] if machine.replica_count == 1 else [1, machine.replica_count - 1]
    spec = {
        "worker_pool_specs": [{**worker, "replica_count": count} for count in replica_counts],
        "scheduling": _without_none(
            timeout=duration_pb2.Duration(seconds=round(machine.timeout_hours * 3600)),
            restart_job_on_worker_restart=machine.restart_on_worker_restart,
            strategy=aiplatform_v1.types.Scheduling.Strategy.SPOT if machine.spot else None,
        ),
        "service_account": job.service_account,
        **_without_none(network=machine.network, tensorboard=machine.tensorboard),
    }
    if machine.tensorboard:
        spec["base_output_directory"] = {"output_uri_prefix": output_dir}
    return aiplatform_v1.types.CustomJob(
        display_name=name, job_spec=aiplatform_v1.types.CustomJobSpec(spec), labels=job.labels
    )


def console_url(resource_name: str) -> str:
    """Returns the address of a job's page in the Google Cloud console."""
    _, project, _, region, _, number = resource_name.split("/")
    return (
        f"https://console.cloud.google.com/vertex-ai/locations/{region}/training/{number}"
        f"?project={project}"
    )


def _connect(region: str) -> JobServiceClient:
    from google.api_core.client_options import ClientOptions
    from google.cloud import aiplatform_v1

    endpoint = f"{region}-aiplatform.googleapis.com"
    return aiplatform_v1.JobServiceClient(client_options=ClientOptions(api_endpoint=endpoint))


def _parent(job: TrainingJob) -> str:
    return f"projects/{job.project}/locations/{job.region}"


def _find(client: JobServiceClient, job: TrainingJob, name: str) -> CustomJob | None:
    """Returns the newest job of this name that is running or has succeeded, if there is one.

    Jobs that failed, are cancelled, or are about to be, are ignored, so that the training is tried
    again.
    """
    request = {"parent": _parent(job), "filter": f'display_name="{name}"'}
    usable = [
        found
        for found in client.list_custom_jobs(request=request)
        if found.display_name == name and _state(found) in (*_RUNNING, *_SUCCEEDED)
    ]
    return max(usable, key=lambda found: found.create_time.timestamp(), default=None)


def _wait(client: JobServiceClient, name: str, sleep: Callable[[float], None]) -> None:
    from google.api_core import exceptions

    state, failed_polls = "", 0
    while True:
        try:
            found = client.get_custom_job(name=name)
        except (
            exceptions.ServiceUnavailable,
            exceptions.DeadlineExceeded,
            exceptions.InternalServerError,
            exceptions.TooManyRequests,
        ) as error:
            failed_polls += 1
            if failed_polls > _MAX_FAILED_POLLS:
                raise TrainingJobError(
                    f"{name} could not be asked about {failed_polls} times; it may still run: "
                    f"{console_url(name)}. The last error was: {error}"
                ) from error
            sleep(POLL_SECONDS)
            continue
        failed_polls = 0
        if _state(found) != state:
            state = _state(found)
            _logger.info("training job: %s", state.lower())
        if state in _SUCCEEDED:
            return
        if state not in _RUNNING:
            reason = found.error.message or "Vertex gives no reason"
            raise TrainingJobError(
                f"The training job {found.display_name} is {state.lower()}: {reason}. Its log: "
                f"{console_url(name)}. A retry goes on from the last checkpoint."
            )
        sleep(POLL_SECONDS)


def _state(found: CustomJob) -> str:
    return found.state.name.removeprefix("JOB_STATE_")


def _without_none(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
