"""Fixtures shared by all tests."""

import os
import pathlib
import signal
import socket
import sys
import urllib.request
from collections.abc import Iterator
from types import FrameType

import pytest

import components  # noqa: F401  (environment before TensorFlow)

# Beam components parse sys.argv with absl when beam_pipeline_args are given, and pytest's own
# flags are illegal there.
sys.argv = sys.argv[:1]

_PROJECT_ROOT = pathlib.Path(__file__).resolve().parent.parent


# What Google's client asks for credentials, on machines of its cloud.
_METADATA_SERVERS = {"metadata.google.internal", "169.254.169.254"}
# RFC 6761: no host has such a name.
_NOBODY = ".invalid"


def _named_here() -> set[str]:
    """What /etc/hosts says is this machine, where a test may have put a server's real name."""
    lines = pathlib.Path("/etc/hosts").read_text().splitlines()
    entries = (line.partition("#")[0].split() for line in lines)
    addressed = (entry for entry in entries if entry and entry[0].startswith(("127.", "::1")))
    return {"localhost", *(name for _, *names in addressed for name in names)}


_HERE = {None, "", "127.0.0.1", "::1", "0.0.0.0", "::", socket.gethostname(), *_named_here()}


@pytest.fixture(autouse=True)
def _only_this_machine(monkeypatch) -> None:
    """Fails a test that asks for another machine, where clients would go on trying for minutes."""
    look_up = socket.getaddrinfo

    def guarded(host, *arguments, **options):
        name = host.decode() if isinstance(host, bytes) else host
        if name in _METADATA_SERVERS or str(name).endswith(_NOBODY):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if name not in _HERE:
            pytest.fail(f"asks for {name}, which is not this machine")
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", guarded)


def _shared_folder(variable: str, name: str) -> pathlib.Path:
    path = pathlib.Path(os.environ.get(variable, _PROJECT_ROOT.parent / "shared" / name))
    if not path.is_dir():
        pytest.skip(f"needs {name} at {path} (set {variable} to its place)")
    return path


@pytest.fixture(scope="session")
def project_root() -> pathlib.Path:
    return _PROJECT_ROOT


@pytest.fixture(scope="session")
def data_root() -> pathlib.Path:
    """Real public data; tests that use it carry the marker `real_data`."""
    return _shared_folder("XLNET_DATA_ROOT", "data")


@pytest.fixture(scope="session")
def golden_root() -> pathlib.Path:
    """Outputs of the reference; tests that use it carry the marker `golden`."""
    return _shared_folder("XLNET_GOLDEN_ROOT", "golden")


@pytest.fixture(scope="session")
def kubeflow_root() -> pathlib.Path:
    """What Kubeflow's driver really sent; tests that use it carry the marker `recorded`."""
    return _shared_folder("XLNET_KUBEFLOW_ROOT", "kubeflow")


@pytest.fixture
def survives_sigterm() -> Iterator[None]:
    """For tests that send SIGTERM to themselves: fails one that does not handle it."""

    def fail(number: int, frame: FrameType | None) -> None:
        pytest.fail("SIGTERM came when nobody handled it")

    before = signal.signal(signal.SIGTERM, fail)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def s3_endpoint(monkeypatch) -> str:
    """Address of an S3 server of moto's, with the bucket "bucket"; clients here know it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "minio",
        "AWS_SECRET_ACCESS_KEY": "minio123",
        "AWS_DEFAULT_REGION": "us-east-1",
        # Without this boto3 asks for the metadata server of a machine in the cloud.
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    import boto3

    # Its servers share their content, of earlier tests too.
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST"))
    boto3.client("s3").create_bucket(Bucket="bucket")
    yield endpoint
    server.stop()


def pytest_configure() -> None:
    """Two virtual devices, so that distribution can be tested on any machine, and Ctrl-C."""
    # A shell that starts the tests in the background lets them, and all that they start, ignore it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    import tensorflow as tf

    device = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [device] * 2
    )
