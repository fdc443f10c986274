"""Dataflow's REST API, its buckets, its log and its accounts on loopback.

The replies are those of the discovery document (version v1b3). Nothing is run: a job goes through
the states that a test gives it.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import pathlib
import re
import socket
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from apache_beam.internal.gcp import auth
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.buckets import cloud

# Newer versions of Beam speak REST, rather than gRPC, if the endpoint has this word in it.
_PREFIX = "/localhost"
_JOBS = re.compile(r"/v1b3/projects/project/locations/us-central1/jobs(?:/([^/?]+))?(?:/(\w+))?")


class DataflowServer:
    """A running service.

    Attributes:
        address: value of `--dataflow_endpoint`.
        created: the jobs that were sent, as JSON.
        jobs: what the service says of each job, by id.
        states: the states that each job goes through, one for each time that it is looked at; the
            last one stays.
        errors: texts of the jobs' error messages.
        log: lines that the workers logged, oldest first.
        refusal: status and message with which new jobs are refused; None takes them.
        cancelled: ids of the jobs whose end was asked for.
        bucket_address: of the bucket's server.
    """

    def __init__(self, bucket_address: str) -> None:
        self.created: list[dict[str, Any]] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.states = ["JOB_STATE_DONE"]
        self.errors: list[str] = []
        self.log: list[str] = []
        self.refusal: tuple[int, str] | None = None
        self.cancelled: list[str] = []
        self.bucket_address = bucket_address
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.address = self.origin + _PREFIX

    def staged(self) -> list[str]:
        """Names of the objects in the bucket."""
        with urllib.request.urlopen(f"{self.bucket_address}/storage/v1/b/bucket/o") as answer:
            return [item["name"] for item in json.load(answer).get("items", [])]

    def add_job(self, name: str) -> str:
        """A job that is there already; returns its id."""
        number = f"2026-01-01_00_00_00-{len(self.jobs)}"
        self.jobs[number] = {"id": number, "name": name, "currentState": "JOB_STATE_RUNNING"}
        return number

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Status and content of the answer to a request."""
        place, _, query = path.removeprefix(_PREFIX).partition("?")
        if place == "/token":
            return 200, {"access_token": "anything", "expires_in": 3600, "token_type": "Bearer"}
        if place == "/v2/entries:list":
            assert body["filter"].startswith('resource.type="dataflow_step"')
            newest = self.log[::-1][: body["pageSize"]]
            return 200, {"entries": [{"textPayload": line} for line in newest]}
        found = _JOBS.fullmatch(place)
        if found is None:
            return 404, {"error": {"code": 404, "message": f"no such path: {place}"}}
        return self._about_jobs(method, *found.groups(), urllib.parse.parse_qs(query), body)

    def _about_jobs(self, method, number, part, query, body) -> tuple[int, Any]:
        if number is None and method == "POST":
            return self._create(body)
        if number is None:
            assert query["filter"] == ["ACTIVE"]
            named = [job for job in self.jobs.values() if job["name"] in query["name"]]
            return 200, {"jobs": [job for job in named if job["id"] not in self.cancelled]}
        if part == "messages":
            said = [
                {"id": str(i), "messageText": text, "messageImportance": "JOB_MESSAGE_ERROR"}
                for i, text in enumerate(self.errors)
            ]
            return 200, {
                "jobMessages": said,
                "autoscalingEvents": [{"currentNumWorkers": "3", "targetNumWorkers": "3"}],
            }
        if part == "metrics":
            name = {
                "origin": "dataflow/v1b3",
                "name": "ElementCount",
                "context": {"output_user_name": "Tokenise/ParDo-out0"},
            }
            return 200, {"metrics": [{"name": name, "scalar": 1200}]}
        if method == "PUT":
            assert body["requestedState"] == "JOB_STATE_CANCELLED"
            self.cancelled.append(number)
        job = self.jobs[number]
        job["currentState"] = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return 200, job

    def _create(self, body) -> tuple[int, Any]:
        if self.refusal is not None:
            status, message = self.refusal
            return status, {"error": {"code": status, "message": message, "status": "X"}}
        self.created.append(as_documented(body))
        job = self.jobs[self.add_job(body["name"])]
        job["clientRequestId"] = body["clientRequestId"]
        return 200, job

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def reply(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                content = self.rfile.read(length)
                is_json = "json" in self.headers.get("Content-Type", "") and content
                body = json.loads(content) if is_json else None
                status, answer = service.answer(self.command, self.path, body)
                sent = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = do_PUT = reply  # noqa: N815

            def log_message(self, *given: object) -> None:
                pass

        return Handler

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Serves while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()


def as_documented(job: dict[str, Any]) -> dict[str, Any]:
    """The job as the API's own messages have it, with names for enum values.

    Raises:
        AssertionError, ParseError: if it has a field that the API does not know.
    """
    try:
        from google.cloud import dataflow
    except ImportError:
        from apache_beam.runners.dataflow.internal.clients.dataflow import (
            dataflow_v1b3_messages as messages,
        )
        from apitools.base.py import encoding

        found = encoding.JsonToMessage(messages.Job, json.dumps(job))
        assert not list(encoding.UnrecognizedFieldIter(found))
        return json.loads(encoding.MessageToJson(found))
    else:
        from google.protobuf import json_format

        return json_format.MessageToDict(json_format.ParseDict(job, dataflow.Job.pb()()))


@contextlib.contextmanager
def started(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataflowServer]:
    """The service and a bucket `bucket`, with an account that this process uses for both."""
    program = cloud.find_server()
    if program is None:
        pytest.skip("needs fake-gcs-server, or a Go to make it with")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    options = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    bucket = subprocess.Popen(
        [program, *options, "-external-url", address, "-public-host", f"127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = DataflowServer(address)
    try:
        cloud.make_bucket(port, "bucket")
        with server.running():
            _make_account(folder / "account.json", f"{server.origin}/token")
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(folder / "account.json"))
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
            # Beam's check of an endpoint knows no ports.
            monkeypatch.setattr(PipelineOptionsValidator, "validate_endpoint_url", lambda *_: True)
            # Beam looks for an account once in a process.
            monkeypatch.setattr(auth._Credentials, "_credentials_init", False)
            for name in ("http_proxy", "HTTP_PROXY"):
                monkeypatch.delenv(name, raising=False)
            yield server
    finally:
        auth._Credentials._credentials_init = False
        bucket.terminate()
        bucket.wait()


def _make_account(path: pathlib.Path, token_uri: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = {
        "type": "service_account",
        "project_id": "project",
        "private_key": pem.decode(),
        "private_key_id": "1",
        "client_email": "test@project.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }
    path.write_text(json.dumps(account))
    os.chmod(path, 0o600)
