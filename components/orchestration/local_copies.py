"""Where Kubeflow's launcher puts what it downloads, and takes what it uploads.

Before a task starts, the launcher downloads every input whose address has one of three schemes to a
folder named after the scheme; when the task has succeeded, it uploads what lies at the same place
for each output. So nothing of a task has to open `minio://`, which neither TensorFlow nor Beam can,
and what is on the disk already is not read from the bucket a second time.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

from components import files

# As the launcher has it: kubeflow/pipelines, backend/src/v2/component/launcher_v2.go, 2.17.
_FOLDERS: Mapping[str, str] = {"gs://": "gcs", "minio://": "minio", "s3://": "s3"}

# Of an artifact that this project wrote: how much a copy of it holds when it is complete.
FILES_KEY = "content_files"
BYTES_KEY = "content_bytes"


class LocalCopyError(RuntimeError):
    """The launcher's copy of an input that is not there, or not whole."""


@dataclasses.dataclass(frozen=True)
class Content:
    """How much lies in a folder.

    Attributes:
        files: in it and below.
        size: of them all, in bytes.
    """

    files: int
    size: int


def path_of(uri: str, *, root: str = "/") -> str | None:
    """Where the launcher keeps its copy; None for an address that it leaves alone.

    Args:
        uri: of an artifact.
        root: of the file system; tests have their own.
    """
    for scheme, folder in _FOLDERS.items():
        if uri.startswith(scheme):
            return os.path.join(root, folder, uri[len(scheme) :])
    return None


def measure(path: str) -> Content:
    """What lies at a path: one file, or all below a folder; nothing, if it is not there."""
    literal = files.escape(path)
    found = files.match(literal) or files.match(f"{literal.rstrip('/')}/**")
    return Content(files=len(found), size=sum(file.size for file in found))


def describe(path: str) -> dict[str, float]:
    """Metadata that lets `check` recognize an incomplete copy of an output."""
    content = measure(path)
    # Kubeflow's metadata knows no integers.
    return {FILES_KEY: float(content.files), BYTES_KEY: float(content.size)}


def check(key: str, uri: str, path: str, metadata: Mapping[str, object]) -> None:
    """Checks that all of an input was downloaded.

    More than was written is let pass: an attempt whose upload broke off leaves objects behind.

    Args:
        key: of the input.
        uri: of the artifact.
        path: of the copy.
        metadata: of the artifact; without `describe` in it, there only has to be something.

    Raises:
        LocalCopyError: saying what is missing.
    """
    found = measure(path)
    files, size = metadata.get(FILES_KEY), metadata.get(BYTES_KEY)
    if files is None or size is None:
        if not found.files:
            raise LocalCopyError(
                f"Nothing of input {key!r} ({uri}) is at {path}, where Kubeflow's launcher should "
                "have put a copy. Look whether the task that makes it wrote anything, and whether "
                "this one may read the bucket."
            )
        return
    if found.files < files or found.size < size:
        raise LocalCopyError(
            f"The copy of input {key!r} ({uri}) at {path} is incomplete: {found.files:,} files "
            f"with {found.size:,} bytes, where {int(files):,} with {int(size):,} were written. "
            "Look for room on the node's disk and for objects deleted from the bucket, then retry."
        )
