"""A server that speaks as much of Kubeflow Pipelines' v2beta1 API as an upload and a run need."""

import contextlib
import email
import email.policy
import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator

NOW = "2026-01-01T00:00:00Z"
PIPELINE = {"pipeline_id": "pipeline-1", "display_name": "sample", "created_at": NOW}
VERSION = {"pipeline_id": "pipeline-1", "pipeline_version_id": "version-1", "created_at": NOW}
EXPERIMENT = {"experiment_id": "experiment-1", "display_name": "Default", "created_at": NOW}


class KubeflowServer(http.server.ThreadingHTTPServer):
    """Keeps what it was sent: `uploads` (query and YAML) and `runs` (requests)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.uploads: list[tuple[dict[str, str], str]] = []
        self.runs: list[dict] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: KubeflowServer

    def do_GET(self) -> None:
        path = urllib.parse.urlsplit(self.path).path
        answers = {
            "/apis/v2beta1/healthz": {"multi_user": False},
            "/apis/v2beta1/experiments": {"experiments": [EXPERIMENT], "total_size": 1},
            "/apis/v2beta1/experiments/experiment-1": EXPERIMENT,
            "/apis/v2beta1/pipelines": {"pipelines": [PIPELINE], "total_size": 1},
            "/apis/v2beta1/pipelines/pipeline-1": PIPELINE,
            "/apis/v2beta1/pipelines/pipeline-1/versions": {
                "pipeline_versions": [VERSION],
                "total_size": 1,
            },
            "/apis/v2beta1/runs/run-1": {"run_id": "run-1", "state": "PENDING", "created_at": NOW},
        }
        self._answer(answers.get(path))

    def do_POST(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if url.path == "/apis/v2beta1/pipelines/upload":
            self.server.uploads.append((dict(urllib.parse.parse_qsl(url.query)), self._file(body)))
            self._answer(PIPELINE)
        elif url.path == "/apis/v2beta1/runs":
            run = json.loads(body)
            self.server.runs.append(run)
            self._answer({**run, "run_id": "run-1", "state": "PENDING", "created_at": NOW})
        else:
            self._answer(None)

    def _file(self, body: bytes) -> str:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
        (part,) = [
            part
            for part in message.iter_parts()
            if part.get_param("name", header="content-disposition") == "uploadfile"
        ]
        return part.get_payload(decode=True).decode()

    def _answer(self, content: dict | None) -> None:
        data = json.dumps({"error": self.path} if content is None else content).encode()
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def serve() -> Iterator[KubeflowServer]:
    server = KubeflowServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
