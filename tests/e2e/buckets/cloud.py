"""A Google Cloud Storage of a test's own, and processes that take it for the real one."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.e2e.buckets.front import READ_ONLY_BUCKET, TOKEN_PATH, Front

BUCKET = "gs://bucket"
# Written by others, used widely; in memory.
_SERVER = "github.com/fsouza/fake-gcs-server@v1.56.1"
_NAMES = ("storage.googleapis.com", "www.googleapis.com")


@dataclasses.dataclass(frozen=True)
class Cloud:
    """A running server and what a process needs to reach it.

    Attributes:
        front: what every request goes through.
        folder: for its files.
        port: of the server behind the front.
    """

    front: Front
    folder: pathlib.Path
    port: int

    def names(self) -> list[str]:
        """Names of all objects in `BUCKET`, markers of folders too, asked of the server itself."""
        bucket = BUCKET.removeprefix("gs://")
        address = f"http://127.0.0.1:{self.port}/storage/v1/b/{bucket}/o"
        with urllib.request.urlopen(address, timeout=60) as answer:
            return [item["name"] for item in json.load(answer).get("items", [])]

    def run(
        self, *command: str, timeout: float = 1800, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess:
        """Runs a Python module with its arguments, for which Google's names lead here."""
        return subprocess.run(
            self.command(*command),
            env={**self.environment(), **(environment or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def command(self, *command: str) -> list[str]:
        """The whole command line for `run`."""
        helper = pathlib.Path(__file__).with_name("own_hosts.py")
        own = ["unshare", "--mount", sys.executable, str(helper), str(self.folder / "hosts")]
        return [*own, sys.executable, "-m", *command]

    def environment(self) -> dict[str, str]:
        """Variables for `run`."""
        authority = str(self.folder / "authority.pem")
        return {
            **os.environ,
            "CURL_CA_BUNDLE": authority,
            "REQUESTS_CA_BUNDLE": authority,
            # Any token will do, but without one TensorFlow asks a metadata server first.
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "anything",
            "STORAGE_EMULATOR_HOST": "https://storage.googleapis.com",
            "GOOGLE_CLOUD_PROJECT": "project",
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.folder / "account.json"),
            "NO_GCE_CHECK": "true",
        }


def why_not() -> str | None:
    """Why a cloud cannot be had on this machine; None if it can."""
    if os.geteuid() != 0:
        return "needs root: a mount namespace, and port 443"
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return "needs the commands unshare and mount"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    if tried.returncode:
        return f"needs mount namespaces, and may not make one: {tried.stderr.decode().strip()}"
    if find_server() is None:
        return f"needs fake-gcs-server, or a Go to make it with: go install {_SERVER}"
    return None


@contextlib.contextmanager
def started(folder: pathlib.Path) -> Iterator[Cloud]:
    """A cloud with two empty buckets, `BUCKET` and one that may only be read."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Of 16 million loopback addresses one for this run, since there is but one port 443 on each.
    address = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
    _make_certificate(folder)
    _make_account(folder / "account.json")
    hosts = "".join(f"{address} {name}\n" for name in _NAMES)
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n{hosts}")
    command = [find_server(), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    # The addresses that it hands out for uploads and downloads must not lead past the front.
    outside = ["-external-url", f"https://{_NAMES[0]}", "-public-host", _NAMES[0]]
    options = ["-backend", "memory", "-log-level", "error", *outside]
    with open(folder / "server.log", "wb") as log:
        server = subprocess.Popen([*command, *options], stdout=log, stderr=subprocess.STDOUT)
    try:
        for name in (BUCKET.removeprefix("gs://"), READ_ONLY_BUCKET):
            make_bucket(port, name)
        with Front(address, ("127.0.0.1", port), str(folder / "server.pem")) as front:
            yield Cloud(front, folder, port)
    finally:
        server.terminate()
        server.wait()


def find_server() -> str | None:
    """The server's program, made if there is none but a Go to make it with."""
    found = shutil.which("fake-gcs-server")
    if found is not None:
        return found
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        return None
    # Where `go install` puts it, under any user's name.
    asked = subprocess.run([go, "env", "GOPATH"], capture_output=True, text=True, check=True)
    program = pathlib.Path(asked.stdout.strip()) / "bin/fake-gcs-server"
    if not program.exists():
        subprocess.run([go, "install", _SERVER], check=True, capture_output=True, timeout=900)
    return str(program)


def make_bucket(port: int, name: str) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/storage/v1/b?project=project",
        data=json.dumps({"name": name}).encode(),
        headers={"Content-Type": "application/json"},
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60):
                return
        except urllib.error.URLError:
            # The server has not begun to listen.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _make_certificate(folder: pathlib.Path) -> None:
    """`authority.pem`, and `server.pem` with a key and a certificate that it signed."""
    now = datetime.datetime.now(datetime.timezone.utc)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])

    def certificate(subject: x509.Name, public_key: object) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    own = (
        certificate(authority, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    servers = (
        certificate(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAMES[0])]), key.public_key()
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in _NAMES]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(own.public_bytes(pem))
    (folder / "server.pem").write_bytes(_private(key) + servers.public_bytes(pem))


def _make_account(path: pathlib.Path) -> None:
    """A service account as Python's clients look for one; the front gives it tokens."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    account = {
        "type": "service_account",
        "project_id": "project",
        "private_key": _private(key).decode(),
        "private_key_id": "1",
        "client_email": "test@project.iam.gserviceaccount.com",
        "token_uri": f"https://{_NAMES[0]}{TOKEN_PATH}",
    }
    path.write_text(json.dumps(account))


def _private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
