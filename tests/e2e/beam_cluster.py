"""A cluster of this machine: Beam's job server Prism, and a pool of workers that boot starts.

Both are programs in Go, made from Beam's Go module in the version of Beam that is installed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

import apache_beam as beam

_MODULE = "github.com/apache/beam/sdks/v2"
# Package in the module, by the name that Go gives its program.
_PACKAGES = {"prism": "go/cmd/prism", "container": "python/container"}
RUNNER = "components.orchestration.cluster_runner.ClusterRunner"


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A job server and a pool that are running.

    Attributes:
        endpoint: HOST:PORT of the job server.
        pool: HOST:PORT of the pool of workers.
        folder: of their logs, `prism.log` and `pool.log`.
    """

    endpoint: str
    pool: str
    folder: pathlib.Path

    def arguments(self) -> list[str]:
        """Beam's arguments for a job here."""
        return [
            f"--runner={RUNNER}",
            f"--job_endpoint={self.endpoint}",
            "--environment_type=EXTERNAL",
            f"--environment_config={self.pool}",
            "--sdk_container_image=unused",
        ]


def why_not() -> str | None:
    """Why there can be no cluster on this machine; None if it can."""
    if all(_place(name).exists() for name in _PACKAGES) or _go() is not None:
        return None
    return f"needs Go, to make Beam's job server and boot program {beam.__version__}"


@contextlib.contextmanager
def started(
    folder: pathlib.Path, *, path: pathlib.Path, variables: Mapping[str, str]
) -> Iterator[Cluster]:
    """Runs a job server and a pool.

    Args:
        folder: a folder for logs.
        path: a folder of modules that workers find before all others.
        variables: what else the workers find in their environment.
    """
    ports = [_free_port() for _ in range(2)]
    home = pathlib.Path(__file__).resolve().parent.parent.parent
    environment = {
        **os.environ,
        # As in the image beam-worker: workers are this Python, and no environment of their own.
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{path}:{home}",
        "RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT": "1",
        **variables,
    }
    # What `boot --worker_pool` starts, with another port, and boot where it lies here.
    pool = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main"]
    pool += [f"--service_port={ports[1]}", f"--container_executable={_program('container')}"]
    prism = [_program("prism"), f"--job_port={ports[0]}", "--serve_http=false", "--log_kind=text"]
    with contextlib.ExitStack() as stack:
        for name, command in (("prism", prism), ("pool", pool)):
            log = stack.enter_context(open(folder / f"{name}.log", "wb"))
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
        for port in ports:
            _wait_for(port)
        yield Cluster(f"localhost:{ports[0]}", f"localhost:{ports[1]}", folder)


def _place(name: str) -> pathlib.Path:
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    return cache / "xlnet-pipeline" / f"beam-{beam.__version__}" / name


def _go() -> str | None:
    return shutil.which("go") or shutil.which("/usr/local/go/bin/go")


def _program(name: str) -> str:
    """The path of a program, made if it is not there."""
    place = _place(name)
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [_go(), "install", f"{_MODULE}/{_PACKAGES[name]}@v{beam.__version__}"],
            env={**os.environ, "GOBIN": str(place.parent)},
            check=True,
            timeout=1800,
        )
    return str(place)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 120
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), timeout=5):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing listens on port {port}")
        time.sleep(0.1)
