"""Beam's runner for a cluster behind a job server (Flink, Spark, Prism), as components use it.

    --runner=components.orchestration.cluster_runner.ClusterRunner --job_endpoint=HOST:PORT …

It differs from Beam's PortableRunner, on which it is built, in what it says and when it gives up.
Before the first job it asks the server and its workers whether they can do the work
(`worker_check`). While a job runs it reports how far that is, and a job that fails, or of which
nothing is heard any more, becomes one sentence. A component that is interrupted cancels its job.
"""

from __future__ import annotations

import contextlib
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import grpc
from absl import logging
from apache_beam.options.pipeline_options import (
    DebugOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc
from apache_beam.runners.portability import portable_runner

from components import files, interruption, plain_errors
from components.orchestration import job_progress, worker_check

# For how long a server may be silent: it may be replaced by another, or the network have a gap.
_SILENCE_SECONDS = 120.0
_RPC_SECONDS = 30.0
_MAX_POLL_SECONDS = 5.0
# Job servers send whole tracebacks; what does not end in an exception is cut.
_MAX_CHARACTERS = 1000


class ClusterError(RuntimeError):
    """A Beam job could not be sent to a cluster, or failed there."""


class ClusterOptions(PipelineOptions):
    """What this runner understands beside Beam's own options."""

    @classmethod
    def _add_argparse_args(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--worker_start_seconds",
            type=int,
            default=600,
            help="For how long to wait for the first worker, which may have to load its image.",
        )
        parser.add_argument(
            "--progress_seconds",
            type=int,
            default=60,
            help="How often to report how far a job is.",
        )


class ClusterRunner(portable_runner.PortableRunner):
    """Runs jobs on a job server and its workers, which it checks before the first of them."""

    # Servers and workers that have answered in this process, with the number of workers.
    _checked: dict[tuple[str, ...], int | None] = {}

    def default_environment(self, options: PipelineOptions) -> Any:
        """Returns the workers' environment; nothing is to be staged for it.

        Beam would send a list of what is installed here, from a folder of the job server that
        workers may not see, to workers that only log it.
        """
        options.view_as(DebugOptions).add_experiment("disable_logging_submission_environment")
        return super().default_environment(options)

    def run_portable_pipeline(self, pipeline: Any, options: PipelineOptions) -> _Job:
        """Sends a pipeline, whose result says how the job goes and waits for its end."""
        given = options.view_as(PortableOptions)
        endpoint = given.job_endpoint
        if not endpoint:
            raise ClusterError("ClusterRunner needs --job_endpoint, the job server's HOST:PORT.")
        key = (endpoint, str(given.environment_type), str(given.environment_config))
        if key not in self._checked:
            service = _connect(endpoint)
            self._checked[key] = _check_workers(service, endpoint, options)
        handle = portable_runner.JobServiceHandle(_connect(endpoint), options)
        return _send(pipeline, options, handle, workers=self._checked[key])


class _CheckRunner(ClusterRunner):
    """Sends the job that checks the workers."""

    def __init__(self, service: Any) -> None:
        super().__init__()
        self._service = service

    def run_portable_pipeline(self, pipeline: Any, options: PipelineOptions) -> _Job:
        handle = _CheckHandle(self._service, options)
        return _send(pipeline, options, handle, workers=None)


class _CheckHandle(portable_runner.JobServiceHandle):
    """Sends the options that differ from Beam's defaults, and no others.

    A worker of another version may not know the defaults of this one, and would end before it could
    say what it is.
    """

    def get_pipeline_options(self) -> Any:
        return self.encode_pipeline_options(self.options.get_all_options(drop_default=True))


class _Job(portable_runner.PipelineResult):
    """A job that has been sent."""

    def __init__(
        self,
        service: Any,
        job_id: str,
        messages: Iterator[Any],
        *,
        options: PipelineOptions,
        pipeline: Any,
        workers: int | None,
    ) -> None:
        super().__init__(service, job_id, messages, state_stream=())
        self._options = options.view_as(ClusterOptions)
        self._name = f"Beam job {job_id} at {options.view_as(PortableOptions).job_endpoint}"
        self._pipeline = pipeline
        self._workers = workers
        self._last_words = ""

    def wait_until_finish(self, duration: float | None = None) -> str:
        """Waits until the job is done, and reports on it meanwhile.

        Args:
            duration: time in milliseconds after which the job is given up and cancelled.

        Raises:
            ClusterError: if the job failed, was cancelled, or took longer than `duration`, or if
                the job server fell silent.
        """
        reader = threading.Thread(target=self._read_messages, daemon=True)
        reader.start()
        try:
            with interruption.termination_as_exit():
                state = self._watch(None if duration is None else duration / 1000)
        except BaseException:
            with contextlib.suppress(grpc.RpcError):
                self.cancel()
            raise
        if state != beam_job_api_pb2.JobState.DONE:
            # The words arrive beside the state.
            reader.join(_RPC_SECONDS)
            name = beam_job_api_pb2.JobState.Enum.Name(state)
            raise ClusterError(f"{self._name} ended as {name}: {_sentence(self._last_words)}")
        return portable_runner.PipelineResult.runner_api_state_to_pipeline_state(state)

    def _watch(self, limit: float | None) -> int:
        """Returns the state in which the job ended."""
        begun = heard = reported = time.monotonic()
        while True:
            try:
                state = self._job_service.GetState(
                    beam_job_api_pb2.GetJobStateRequest(job_id=self._job_id), timeout=_RPC_SECONDS
                ).state
                heard = time.monotonic()
            except grpc.RpcError as error:
                forgotten = error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNKNOWN)
                if forgotten or time.monotonic() - heard > _SILENCE_SECONDS:
                    raise ClusterError(
                        f"{self._name} is lost: the job server "
                        + ("no longer knows it" if forgotten else "does not answer any more")
                        + f" ({_sentence(error.details())}). Look at the server's log; a retry "
                        "starts the job anew."
                    ) from error
            else:
                if state in portable_runner.TERMINAL_STATES:
                    return state
                if heard - reported >= self._options.progress_seconds:
                    reported = heard
                    self._report(state, heard - begun)
            now = time.monotonic()
            if limit is not None and now - begun > limit:
                raise ClusterError(f"{self._name} was not done after {limit:.0f} s.")
            time.sleep(min(_MAX_POLL_SECONDS, 0.2 + (now - begun) / 20))

    def _report(self, state: int, seconds: float) -> None:
        name = beam_job_api_pb2.JobState.Enum.Name(state)
        try:
            metrics = self._job_service.GetJobMetrics(
                beam_job_api_pb2.GetJobMetricsRequest(job_id=self._job_id), timeout=_RPC_SECONDS
            ).metrics
            steps = job_progress.describe([*metrics.attempted, *metrics.committed], self._pipeline)
        except grpc.RpcError as error:
            steps = f"the server tells no counts ({error.code().name})"
        workers = "" if self._workers is None else f", workers: {self._workers:,}"
        logging.info("%s: %s for %d s%s; %s", self._name, name, seconds, workers, steps)

    def _read_messages(self) -> None:
        # The stream ends with the job, or breaks with the server, which `_watch` notices too.
        with contextlib.suppress(grpc.RpcError):
            for message in self._message_stream:
                said = message.message_response
                if said.importance != beam_job_api_pb2.JobMessage.JOB_MESSAGE_ERROR:
                    continue
                # After what was raised, a server may send that something was raised.
                if plain_errors.is_traceback(self._last_words) <= plain_errors.is_traceback(
                    said.message_text
                ):
                    self._last_words = said.message_text


def _connect(endpoint: str) -> Any:
    """Returns a client of a job server that has answered."""
    channel = grpc.insecure_channel(endpoint)
    service = beam_job_api_pb2_grpc.JobServiceStub(channel)
    try:
        grpc.channel_ready_future(channel).result(timeout=_RPC_SECONDS)
        service.DescribePipelineOptions(
            beam_job_api_pb2.DescribePipelineOptionsRequest(), timeout=_RPC_SECONDS
        )
    except grpc.FutureTimeoutError as error:
        raise ClusterError(
            f"No Beam job server answers at {endpoint}. Start one there, or correct "
            "deployment.beam.job_endpoint (--job_endpoint)."
        ) from error
    except grpc.RpcError as error:
        raise ClusterError(
            f"What answers at {endpoint} does not speak the job protocol of Apache Beam "
            f"{beam.__version__} ({error.code().name}: {_sentence(error.details())}). Start Beam's "
            f"job server of version {beam.__version__} there."
        ) from error
    return service


def _send(
    pipeline: Any,
    options: PipelineOptions,
    handle: portable_runner.JobServiceHandle,
    *,
    workers: int | None,
) -> _Job:
    # As in PortableRunner: a server of another language cannot load a runner by Python's name.
    options.view_as(StandardOptions).runner = None
    optimized = portable_runner.PortableRunner._optimize_pipeline(pipeline, options)
    try:
        job_id, messages, _ = handle.submit(optimized)
    except grpc.RpcError as error:
        raise ClusterError(
            f"The job server at {options.view_as(PortableOptions).job_endpoint} refused a job of "
            f"Apache Beam {beam.__version__}: {_sentence(error.details())}. A server of another "
            "version cannot run it."
        ) from error
    return _Job(
        handle.job_service,
        job_id,
        messages,
        options=options,
        pipeline=optimized,
        workers=workers,
    )


def _check_workers(service: Any, endpoint: str, options: PipelineOptions) -> int | None:
    """Runs the job of `worker_check`; returns the number of workers, if it can be told."""
    temporary = options.view_as(GoogleCloudOptions).temp_location
    seconds = options.view_as(ClusterOptions).worker_start_seconds
    folder = worker_check.make_folder(temporary) if temporary else None
    try:
        pipeline = beam.Pipeline(runner=_CheckRunner(service), options=options)
        worker_check.add_to_pipeline(pipeline, folder)
        job = pipeline.run()
        try:
            job.wait_until_finish(seconds * 1000)
        except ClusterError as error:
            raise ClusterError(
                f"The workers of the job server at {endpoint} cannot do this component's work, "
                f"which has not begun. {error} (More is in the log of the workers' pool.)"
            ) from error
        return worker_check.count_workers(folder) if folder else None
    finally:
        if folder:
            files.remove(folder)


def _sentence(words: str | None) -> str:
    return plain_errors.in_a_line(words or "it gave no reason", max_characters=_MAX_CHARACTERS)
