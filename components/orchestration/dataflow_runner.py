"""Beam's runner for Dataflow, as components use it.

    --runner=components.orchestration.dataflow_runner.DataflowRunner --job_name=NAME …

A component whose earlier attempt was lost, but whose job goes on, waits for that job: both know it
by its name (`job_name.of`). Where to follow a job is logged at once, how far it is once a minute,
and a job that fails becomes one message with its errors and the last lines of its workers. A
component that is interrupted cancels its job.
"""

from __future__ import annotations

import time
from typing import Any

from absl import logging
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.runners.dataflow import dataflow_runner
from apache_beam.runners.dataflow.internal import apiclient
from apache_beam.runners.runner import PipelineResult, PipelineState

from components import interruption, plain_errors
from components.orchestration.dataflow_api import DataflowApi, DataflowApiError, Job, reason
from components.orchestration.dataflow_error import DataflowError, JobGoesOnError

_POLL_SECONDS = 10.0
_REPORT_SECONDS = 60.0
# For how long Dataflow's API may be out of reach before a component gives up; its job goes on.
_SILENCE_SECONDS = 600.0
_MAX_STEPS = 12
# The longest error message quotes this many errors and lines, each of this many characters.
_ERRORS, _LINES, _CHARACTERS = 3, 10, 500


class DataflowRunner(dataflow_runner.DataflowRunner):
    """Sends a pipeline to Dataflow, unless its job is already there."""

    def __init__(self, cache: Any = None) -> None:
        super().__init__(cache)
        self._earlier: Job | None = None

    def find_job(self, options: PipelineOptions) -> str | None:
        """Returns the id of the job that an earlier attempt at a component has left running.

        Raises:
            JobGoesOnError: if Dataflow refuses the question, so that nobody knows of such a job.
        """
        given = options.view_as(GoogleCloudOptions)
        if self._earlier is None and given.job_name:
            try:
                self._earlier = DataflowApi(given).find_active(given.job_name)
            except DataflowApiError as error:
                raise JobGoesOnError(_refusal(given, str(error))) from error
        return self._earlier.id if self._earlier else None

    def run_pipeline(
        self, pipeline: Any, options: PipelineOptions, pipeline_proto: Any = None
    ) -> DataflowResult:
        """Starts the job, or finds it; returns its result, which can be waited for."""
        given = options.view_as(GoogleCloudOptions)
        found = self.find_job(options)
        if found is not None:
            logging.info("The job of an earlier attempt goes on; this one waits for it.")
        else:
            found = self._start(pipeline, options, pipeline_proto)
        result = DataflowResult(DataflowApi(given), found, given.job_name)
        logging.info("Dataflow job %s: %s", given.job_name, result.link)
        return result

    def _start(self, pipeline: Any, options: PipelineOptions, pipeline_proto: Any) -> str:
        given = options.view_as(GoogleCloudOptions)
        try:
            return super().run_pipeline(pipeline, options, pipeline_proto).job_id()
        except apiclient.DataflowJobAlreadyExistsError as error:
            # It was started after the search.
            found = self.find_job(options)
            if found is None:
                raise DataflowError(_refusal(given, str(error))) from error
            return found
        except Exception as error:
            # What Beam's client raises differs from version to version; both kinds have a text, or
            # the answer's content, that says what is wrong.
            content = getattr(error, "content", None)
            if content is None and not hasattr(error, "grpc_status_code"):
                raise
            why = reason(content) if content else str(error)
            raise DataflowError(_refusal(given, why)) from error


class DataflowResult(PipelineResult):
    """A job of Dataflow.

    Attributes:
        link: address of its page in Google's console.
    """

    def __init__(self, api: DataflowApi, job_id: str, name: str) -> None:
        super().__init__(PipelineState.UNKNOWN)
        self._api = api
        self._id = job_id
        self._name = name
        self._has_warned = False
        self.link = api.link(job_id)

    @property
    def state(self) -> str:
        """The job's state, by the name that Beam gives it."""
        return self._api.get(self._id).state

    def cancel(self) -> str:
        """Asks Dataflow to end the job."""
        self._api.cancel(self._id)
        return PipelineState.CANCELLING

    def wait_until_finish(self, duration: float | None = None) -> str:
        """Waits until the job is done, and logs how far it is meanwhile.

        Args:
            duration: time in milliseconds after which to return, with the job going on.

        Raises:
            DataflowError: if the job failed or was cancelled.
            JobGoesOnError: if Dataflow is out of reach, or no longer answers this account.
        """
        try:
            with interruption.termination_as_exit():
                job = self._follow(None if duration is None else duration / 1000)
        except (KeyboardInterrupt, SystemExit) as ending:
            logging.info("Interrupted: the Dataflow job %s is cancelled.", self._name)
            try:
                self.cancel()
            except DataflowApiError as error:
                raise ending from JobGoesOnError(
                    f"The Dataflow job {self._name} cannot be cancelled: {error}. See {self.link}"
                )
            raise
        if job.has_ended and job.state != "DONE":
            raise DataflowError(self._failure(job))
        return job.state

    def _follow(self, limit: float | None) -> Job:
        begun = heard = reported = time.monotonic()
        while True:
            now = time.monotonic()
            try:
                job = self._api.get(self._id)
                heard = now
                if job.has_ended or (limit is not None and now - begun > limit):
                    return job
                if now - reported >= _REPORT_SECONDS:
                    reported = now
                    self._report(job, now - begun)
            except DataflowApiError as error:
                if not error.is_passing or now - heard > _SILENCE_SECONDS:
                    raise JobGoesOnError(
                        f"The Dataflow job {self._name} cannot be followed any more: {error}. It "
                        f"goes on, and a retry of this component waits for it. See {self.link}"
                    ) from error
            time.sleep(_POLL_SECONDS)

    def _report(self, job: Job, seconds: float) -> None:
        try:
            workers = self._api.messages(self._id).workers
            counts = self._api.element_counts(self._id)
        except DataflowApiError as error:
            if not self._has_warned:
                self._has_warned = True
                logging.warning("How far Dataflow job %s is cannot be read: %s", self._name, error)
            return
        steps = ", ".join(
            f"{step} {number:,}" for step, number in list(counts.items())[:_MAX_STEPS]
        )
        logging.info(
            "Dataflow job %s: %s for %d s, workers: %s; elements written: %s",
            *(self._name, job.state, seconds),
            "not known yet" if workers is None else f"{workers:,}",
            steps or "none yet",
        )

    def _failure(self, job: Job) -> str:
        parts = [f"The Dataflow job {self._name} ended as {job.state}"]
        try:
            errors = list(dict.fromkeys(map(_short, self._api.messages(self._id).errors)))
            # The last ones say why the job was given up.
            parts += errors[-_ERRORS:] or ["It gave no reason"]
        except DataflowApiError as error:
            parts.append(f"Its messages cannot be read: {error}")
        try:
            lines = [_short(line) for line in self._api.worker_log(self._id, lines=_LINES)]
            parts.append("Last lines of its workers: " + (" | ".join(lines) or "none"))
        except DataflowApiError as error:
            parts.append(f"The log of its workers cannot be read: {error}")
        return f"{'. '.join(part.rstrip('.') for part in parts)}. See {self.link}"


def _refusal(options: GoogleCloudOptions, why: str) -> str:
    return (
        f"Dataflow does not take the job {options.job_name} in the project {options.project!r} and "
        f"region {options.region!r}: {why.rstrip('.')}. See that the API is enabled there, and "
        "that the account has the roles roles/dataflow.developer and, on the workers' account, "
        "roles/iam.serviceAccountUser."
    )


def _short(text: str) -> str:
    return plain_errors.in_a_line(text, max_characters=_CHARACTERS)
