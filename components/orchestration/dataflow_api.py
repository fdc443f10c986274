"""The parts of Dataflow's REST API with which a component follows its job.

Beam's own client differs from version to version, so this one speaks plain JSON. Its source is the
discovery document, https://dataflow.googleapis.com/$discovery/rest?version=v1b3.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

import google.auth
import requests
from apache_beam.options.pipeline_options import GoogleCloudOptions
from google.auth import exceptions as auth_exceptions
from google.auth.transport import requests as auth_requests

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_LOGGING = "https://logging.googleapis.com"
_SECONDS = 60.0
_ENDED = frozenset({"DONE", "FAILED", "CANCELLED", "UPDATED", "DRAINED"})


class DataflowApiError(RuntimeError):
    """A request that Dataflow refused.

    Attributes:
        is_passing: whether the same request may succeed later.
    """

    def __init__(self, text: str, *, is_passing: bool) -> None:
        super().__init__(text)
        self.is_passing = is_passing


@dataclasses.dataclass(frozen=True)
class Job:
    """A job as Dataflow describes it.

    Attributes:
        id: its id.
        name: its name, which no two active jobs of a region and project share.
        state: its state, such as "RUNNING" or "DONE".
    """

    id: str
    name: str
    state: str

    @property
    def has_ended(self) -> bool:
        """Whether the state is final."""
        return self.state in _ENDED


@dataclasses.dataclass(frozen=True)
class Messages:
    """What a job has said.

    Attributes:
        errors: texts of the messages of importance ERROR, in the order of their times.
        workers: number of workers according to the latest event of autoscaling; None before the
            first.
    """

    errors: list[str]
    workers: int | None


class DataflowApi:
    """Dataflow in one project and region."""

    def __init__(self, options: GoogleCloudOptions, *, logging_endpoint: str = _LOGGING) -> None:
        """Prepares the client; sends nothing.

        Args:
            options: project, region and endpoint of Dataflow, from a pipeline's options.
            logging_endpoint: address of Cloud Logging.
        """
        self._project = options.project
        self._region = options.region
        self._jobs = (
            f"{options.dataflow_endpoint.rstrip('/')}/v1b3/projects/{self._project}"
            f"/locations/{self._region}/jobs"
        )
        self._logging = logging_endpoint
        credentials, _ = google.auth.default(scopes=_SCOPES)
        self._session = auth_requests.AuthorizedSession(credentials)

    def link(self, job_id: str) -> str:
        """Returns the address of the job's page in Google's console."""
        return (
            f"https://console.cloud.google.com/dataflow/jobs/{self._region}/{job_id}"
            f"?project={self._project}"
        )

    def find_active(self, name: str) -> Job | None:
        """Returns the job of this name that has not ended, if there is one."""
        query = {"filter": "ACTIVE", "name": name}
        for page in self._pages("GET", self._jobs, params=query):
            for found in map(_job, page.get("jobs", ())):
                if found.name == name and not found.has_ended:
                    return found
        return None

    def get(self, job_id: str) -> Job:
        """Returns a job."""
        return _job(self._ask("GET", f"{self._jobs}/{job_id}"))

    def cancel(self, job_id: str) -> None:
        """Asks for the end of a job."""
        self._ask("PUT", f"{self._jobs}/{job_id}", json={"requestedState": "JOB_STATE_CANCELLED"})

    def messages(self, job_id: str) -> Messages:
        """Returns what a job has said so far."""
        errors: list[str] = []
        workers = None
        query = {"minimumImportance": "JOB_MESSAGE_ERROR"}
        for page in self._pages("GET", f"{self._jobs}/{job_id}/messages", params=query):
            errors += [message["messageText"] for message in page.get("jobMessages", ())]
            for event in page.get("autoscalingEvents", ()):
                workers = int(event.get("currentNumWorkers", workers or 0))
        return Messages(errors, workers)

    def element_counts(self, job_id: str) -> Mapping[str, int]:
        """Returns how many elements each step has written so far, by the step's name."""
        counts: dict[str, int] = {}
        for metric in self._ask("GET", f"{self._jobs}/{job_id}/metrics").get("metrics", ()):
            name = metric.get("name", {})
            step = name.get("context", {}).get("output_user_name", "").partition("/")[0]
            if name.get("name") == "ElementCount" and step and "scalar" in metric:
                counts[step] = max(counts.get(step, 0), int(metric["scalar"]))
        return counts

    def worker_log(self, job_id: str, *, lines: int) -> list[str]:
        """Returns the last lines that workers of a job logged as warnings or errors, in order."""
        answer = self._ask(
            "POST",
            f"{self._logging}/v2/entries:list",
            json={
                "resourceNames": [f"projects/{self._project}"],
                "filter": 'resource.type="dataflow_step" AND severity>=WARNING AND '
                f'resource.labels.job_id="{job_id}" AND log_id("dataflow.googleapis.com/worker")',
                "orderBy": "timestamp desc",
                "pageSize": lines,
            },
        )
        found = []
        for entry in answer.get("entries", ()):
            text = entry.get("textPayload") or entry.get("jsonPayload", {}).get("message", "")
            found.append(" ".join(text.split()))
        return found[::-1]

    def _pages(
        self, method: str, address: str, *, params: Mapping[str, str]
    ) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            page = self._ask(method, address, params={**params, **token})
            yield page
            if not page.get("nextPageToken"):
                return
            token = {"pageToken": page["nextPageToken"]}

    def _ask(self, method: str, address: str, **content: Any) -> dict[str, Any]:
        try:
            answer = self._session.request(method, address, timeout=_SECONDS, **content)
        except (requests.RequestException, auth_exceptions.TransportError) as error:
            raise DataflowApiError(
                f"{address} does not answer: {error}", is_passing=True
            ) from error
        except auth_exceptions.GoogleAuthError as error:
            raise DataflowApiError(
                f"No access to {address}: {error}", is_passing=getattr(error, "retryable", False)
            ) from error
        if answer.ok:
            return answer.json()
        raise DataflowApiError(
            f"{address} answers with status {answer.status_code}: {reason(answer.text)}",
            is_passing=answer.status_code == 429 or answer.status_code >= 500,
        )


def reason(text: str) -> str:
    """Returns the message in the answer with which a Google API refuses a request."""
    try:
        return json.loads(text)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return text[:500]


def _job(content: Mapping[str, Any]) -> Job:
    # A job that was only just created may have no state yet.
    state = content.get("currentState", "JOB_STATE_PENDING").removeprefix("JOB_STATE_")
    return Job(content["id"], content.get("name", ""), state)
