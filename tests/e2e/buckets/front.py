"""Google Cloud Storage's addresses on loopback: TLS in front of an emulator, with faults and a log.

TensorFlow's client has `https://storage.googleapis.com` and `https://www.googleapis.com` built in.
What stands here answers under both names and passes on to a bucket server that speaks plain HTTP,
and mends what the two do not understand of each other.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import http.client
import http.server
import json
import re
import ssl
import threading
import urllib.parse
from collections.abc import Iterator, Sequence

# Writes to it are refused, as by an account that may only read.
READ_ONLY_BUCKET = "read-only"
# Asked for by whoever runs tasks, to say which one the requests from now on belong to.
TASK_PATH = "/task/"
# Where an account of the test gets the tokens that nobody looks at.
TOKEN_PATH = "/token"

_BATCH_PATH = "/batch/storage/v1"
_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
)
_OBJECT = re.compile(r"/b/([^/?]+)(?:/o(?:/([^?/]+))?)?")
_XML_OBJECT = re.compile(r"/([^/?]+)/([^?]+)")
_PART_REQUEST = re.compile(
    rb"(GET|POST|PUT|PATCH|DELETE) (?:https?://[^/ ]+)?(/\S*) HTTP/1\.1\r?\n(.*?)\r?\n\r?\n(.*)",
    re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class Request:
    """A request as a bucket bills it: each part of a batch is one.

    Attributes:
        task: on whose behalf, as the latest request to `TASK_PATH` said.
        method: of HTTP.
        path: with the query.
        client: "TensorFlow", or "Python" for all others.
    """

    task: str
    method: str
    path: str
    client: str

    @property
    def bucket(self) -> str:
        """Name of the bucket; empty if it speaks of none."""
        return self._names()[0]

    @property
    def object_name(self) -> str:
        """Name of the object; empty for listings and the like."""
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        return self._names()[1] or query.get("name", [""])[0]

    @property
    def kind(self) -> str:
        """What it does: "read", "look", "list", "write", "delete" or "copy"."""
        if self.method == "DELETE":
            return "delete"
        if "/rewriteTo/" in self.path or "/copyTo/" in self.path:
            return "copy"
        if self.method in ("POST", "PUT", "PATCH"):
            return "write"
        is_content = "alt=media" in self.path or "/storage/v1/" not in self.path
        if self.object_name:
            return "read" if is_content else "look"
        return "list"

    def _names(self) -> tuple[str, str]:
        found = _OBJECT.search(self.path) or _XML_OBJECT.match(self.path)
        if found is None:
            return "", ""
        return tuple(urllib.parse.unquote(name or "") for name in found.groups())


class Faults:
    """Bursts of refusals and broken connections, at fixed places in the sequence of requests.

    Args:
        every: a burst begins after so many requests; 0 for none.
        kinds: what is done to the requests of a burst, one after the other: a status; "reset" for a
            connection that ends without an answer; "break" for one that ends in its middle.
    """

    def __init__(self, every: int = 0, kinds: Sequence[int | str] = (503, 429, "reset")):
        self._every = every
        self._kinds = kinds
        self._lock = threading.Lock()
        self._number = 0
        self.done: collections.Counter[int | str] = collections.Counter()

    def next(self) -> int | str | None:
        """What happens to the next request; None for nothing."""
        if not self._every:
            return None
        with self._lock:
            self._number += 1
            place = self._number % (self._every + len(self._kinds)) - self._every
            if place < 0:
                return None
            kind = self._kinds[place]
            self.done[kind] += 1
            return kind


class Front:
    """The server; a context manager.

    Attributes:
        requests: answered so far, faults not among them.
        faults: to be changed by a test.

    Args:
        address: to listen at, port 443.
        backend: host and port of the bucket server.
        certificate: PEM file with certificate and key for Google's names.
    """

    def __init__(self, address: str, backend: tuple[str, int], certificate: str):
        self.requests: list[Request] = []
        self.faults = Faults()
        self.task = ""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        handler = type("Handler", (_Handler,), {"front": self, "backend": backend})
        self._server = _Server((address, 443), handler, self._context)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Front:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type, context: ssl.SSLContext):
        self._context = context
        super().__init__(address, handler)

    def finish_request(self, request, client_address):
        # The handshake is this thread's: a slow client does not keep the next one waiting.
        with (
            contextlib.suppress(OSError),
            self._context.wrap_socket(request, server_side=True) as secured,
        ):
            super().finish_request(secured, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise an answer waits 40 ms for its body.
    disable_nagle_algorithm = True
    front: Front
    backend: tuple[str, int]

    def setup(self) -> None:
        super().setup()
        self._connection = http.client.HTTPConnection(*self.backend, timeout=600)

    def finish(self) -> None:
        self._connection.close()
        super().finish()

    def log_message(self, *arguments: object) -> None:
        """The log is `Front.requests`."""

    def _answer(self) -> None:
        body = self._read_body()
        if self.path.startswith(TASK_PATH):
            self.front.task = urllib.parse.unquote(self.path.removeprefix(TASK_PATH))
            self._send(200, {}, b"")
            return
        if self.path == TOKEN_PATH:
            token = {"access_token": "x", "expires_in": 3600, "token_type": "Bearer"}
            self._send(200, {"Content-Type": "application/json"}, json.dumps(token).encode())
            return
        fault = self.front.faults.next()
        if isinstance(fault, int):
            self._send(fault, {"Content-Type": "application/json"}, _error(fault))
            return
        if fault == "reset":
            self.close_connection = True
            return
        if self.path.startswith(_BATCH_PATH):
            self._send(*self._batch(body))
            return
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP
        }
        status, headers, content = self._pass_on(self.command, self.path, headers, body)
        self._send(status, headers, content, breaks=fault == "break")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer  # noqa: N815

    def _read_body(self) -> bytes:
        # TensorFlow's uploads name both a length and this; HTTP says which one holds.
        if self.headers.get("Transfer-Encoding", "identity").lower() == "identity":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _pass_on(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        # TensorFlow names itself in no header; Python's clients all do.
        client = "Python" if "x-goog-api-client" in self.headers else "TensorFlow"
        request = Request(self.front.task, method, path, client)
        self.front.requests.append(request)
        if request.bucket == READ_ONLY_BUCKET and method not in ("GET", "HEAD"):
            return 403, {"Content-Type": "application/json"}, _error(403)
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        content = response.read()
        kept = {
            name: value
            for name, value in response.getheaders()
            if name.lower() not in _HOP_BY_HOP | {"content-length", "date", "server"}
        }
        if "Location" in kept:
            # Sessions of uploads are named with the address under which the server knows itself.
            parts = urllib.parse.urlsplit(kept["Location"])
            kept["Location"] = urllib.parse.urlunsplit(
                parts._replace(scheme="https", netloc="storage.googleapis.com")
            )
        return response.status, kept, content

    def _batch(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        boundary = re.search(r'boundary="?([^";]+)', self.headers["Content-Type"])[1]
        answers = []
        for part in body.split(f"--{boundary}".encode())[1:-1]:
            method, path, headers, content = _PART_REQUEST.search(part).groups()
            fields = dict(line.split(": ", 1) for line in headers.decode().splitlines() if line)
            fields = {
                name: value for name, value in fields.items() if name.lower() not in _HOP_BY_HOP
            }
            fields.pop("Content-Length", None)
            status, _, answer = self._pass_on(
                method.decode(), path.decode(), fields, content.strip()
            )
            answers.append(
                b"Content-Type: application/http\r\n\r\n"
                + f"HTTP/1.1 {status} {http.client.responses[status]}\r\n".encode()
                + b"Content-Type: application/json\r\n"
                + f"Content-Length: {len(answer)}\r\n\r\n".encode()
                + answer
            )
        whole = b"".join(b"--part\r\n" + answer + b"\r\n" for answer in answers) + b"--part--\r\n"
        return 200, {"Content-Type": "multipart/mixed; boundary=part"}, whole

    def _send(
        self, status: int, headers: dict[str, str], content: bytes, *, breaks: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if breaks:
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        elif self.command != "HEAD" and status != 204:
            self.wfile.write(content)


def _error(status: int) -> bytes:
    reason = http.client.responses[status]
    return json.dumps({"error": {"code": status, "message": f"{reason}, says the test"}}).encode()


def per_task(requests: Sequence[Request]) -> Iterator[tuple[str, collections.Counter[str]]]:
    """Tasks in the order of their first request, and how many requests of each kind they made."""
    counts: dict[str, collections.Counter[str]] = {}
    for request in requests:
        counts.setdefault(request.task, collections.Counter())[request.kind] += 1
    yield from counts.items()
