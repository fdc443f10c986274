"""Examines an installation, for `xlnet-pipeline doctor`: versions, devices, disk, credentials."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import pathlib
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Literal

Verdict = Literal["ok", "note", "problem"]

# The packages that a run needs. Versions that belong together are pinned in constraints.txt.
_PACKAGES = (
    "tfx",
    "tensorflow",
    "tf-keras",
    "tensorflow-text",
    "tensorflow-transform",
    "tensorflow-model-analysis",
    "apache-beam",
    "sentencepiece",
)
# These are compiled against each other and must have the same minor version.
_SAME_MINOR_VERSION = ("tensorflow", "tf-keras", "tensorflow-text")
_MIN_PYTHON, _MAX_PYTHON = (3, 10), (3, 13)
# A run of the sample takes 30 MB; one checkpoint of XLNet-Large with its optimizer takes 4 GB.
_LITTLE_SPACE = 5 << 30
_CPU_INFO = pathlib.Path("/proc/cpuinfo")
_DEVICE_FILES = pathlib.Path("/dev")
_CREDENTIALS_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_GCLOUD_FILE = "~/.config/gcloud/application_default_credentials.json"


@dataclasses.dataclass(frozen=True)
class Finding:
    """The result of examining one thing.

    Attributes:
        what: what was examined, such as "Python".
        verdict: "problem" if a run would fail, "note" for something worth knowing, "ok" otherwise.
        detail: what was found, and what to do about it.
    """

    what: str
    verdict: Verdict
    detail: str


def examine(*, output_root: str) -> Iterator[Finding]:
    """Examines everything that does not depend on a configuration.

    Args:
        output_root: output folder of a run, for which the free disk space is checked.
    """
    yield _python()
    yield from _packages()
    for what, look in (
        ("Keras", _keras),
        ("processor", _processor),
        ("devices", _devices),
        ("checksums", _checksums),
        ("tokenizer", _tokenizer),
    ):
        yield _guarded(what, look)
    yield _disk(output_root)
    yield _credentials()


def _python() -> Finding:
    found = sys.version_info[:2]
    text = f"{platform.python_version()} in {sys.prefix}"
    if _MIN_PYTHON <= found <= _MAX_PYTHON:
        return Finding("Python", "ok", text)
    return Finding("Python", "problem", f"{text}; 3.10 to 3.13 are supported")


def _packages() -> Iterator[Finding]:
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "problem", "not installed; delete .venv and run `make install`")
    minors = {versions[n].rsplit(".", 1)[0] for n in _SAME_MINOR_VERSION if n in versions}
    listing = ", ".join(f"{name} {version}" for name, version in versions.items())
    if len(minors) > 1:
        together = ", ".join(_SAME_MINOR_VERSION)
        yield Finding("packages", "problem", f"{listing}; {together} must be of one version")
    else:
        yield Finding("packages", "ok", listing)


def _guarded(what: str, look: Callable[[], Finding]) -> Finding:
    """Calls `look`, and turns a failure to import or load something into a finding."""
    try:
        return look()
    except (ImportError, OSError, RuntimeError) as error:
        return Finding(what, "problem", f"{type(error).__name__}: {error}")


def _keras() -> Finding:
    # TensorFlow reads this variable when it is imported. tf.keras is not used for anything here.
    if os.environ.get("TF_USE_LEGACY_KERAS") in ("1", "true", "True"):
        return Finding("Keras", "ok", "tf_keras")
    return Finding(
        "Keras", "problem", "TensorFlow would hand out Keras 3: set TF_USE_LEGACY_KERAS to 1"
    )


def _processor() -> Finding:
    """Looks for the instructions without which TensorFlow's wheels end the process."""
    architecture = platform.machine()
    described = _CPU_INFO.read_text() if _CPU_INFO.exists() else " avx "
    if architecture == "x86_64" and " avx " not in described:
        return Finding(
            "processor", "problem", "has no AVX, which TensorFlow's wheels are built for"
        )
    return Finding("processor", "ok", f"{os.cpu_count()} cores, {architecture}")


def _devices() -> Finding:
    # To import TensorFlow takes seconds, and on most machines there is nothing that it could find.
    if not any(_DEVICE_FILES.glob("nvidia[0-9]*")):
        return Finding("devices", "note", "no GPU; a TPU is found when a run names it")
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return Finding("devices", "ok", f"{len(gpus)} GPU")
    text = "there is a GPU that TensorFlow does not see: it needs tensorflow[and-cuda]"
    return Finding("devices", "note", text)


def _checksums() -> Finding:
    import google_crc32c

    if google_crc32c.implementation == "c":
        return Finding("checksums", "ok", "google-crc32c in C")
    return Finding(
        "checksums", "problem", "google-crc32c in Python: record files take fifty times as long"
    )


def _tokenizer() -> Finding:
    import sentencepiece

    return Finding("tokenizer", "ok", f"sentencepiece {sentencepiece.__version__} loads")


def _disk(directory: str) -> Finding:
    path = os.path.abspath(directory)
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    if not os.access(path, os.W_OK):
        return Finding("disk", "problem", f"{path} cannot be written to")
    free = shutil.disk_usage(path).free
    text = f"{free / (1 << 30):.1f} GiB free at {path}"
    return Finding("disk", "ok" if free > _LITTLE_SPACE else "note", text)


def _credentials() -> Finding:
    """Looks for Google Cloud credentials. Only Google can tell whether they are still valid."""
    named = os.environ.get(_CREDENTIALS_VARIABLE)
    if named:
        if os.path.isfile(named):
            return Finding("Google Cloud", "ok", f"{_CREDENTIALS_VARIABLE} names a file")
        return Finding(
            "Google Cloud", "problem", f"{_CREDENTIALS_VARIABLE} names {named}, which is no file"
        )
    if os.path.isfile(os.path.expanduser(_GCLOUD_FILE)):
        return Finding("Google Cloud", "ok", "credentials of gcloud")
    return Finding(
        "Google Cloud",
        "note",
        "no credentials; only gs:// paths and Vertex need them: "
        "`gcloud auth application-default login`",
    )
