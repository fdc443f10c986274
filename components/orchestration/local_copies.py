"""Finds and checks the local copies of artifacts that Kubeflow's launcher makes.

Before a task starts, the launcher downloads every input whose address has one of three schemes to a
folder named after the scheme. After the task has succeeded, it uploads what is in the corresponding
place for each output. By using these copies, a task need not open `minio://`, which neither
TensorFlow nor Beam can do, and does not download anything a second time.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

from components import files

# The launcher's folders: kubeflow/pipelines 2.17, backend/src/v2/component/launcher_v2.go.
_FOLDERS: Mapping[str, str] = {"gs://": "gcs", "minio://": "minio", "s3://": "s3"}

# Metadata that this project adds to its artifacts: how much a complete copy contains.
FILES_KEY = "content_files"
BYTES_KEY = "content_bytes"


class LocalCopyError(RuntimeError):
    """The launcher's copy of an input is missing or incomplete."""


@dataclasses.dataclass(frozen=True)
class Content:
    """How much a folder contains.

    Attributes:
        files: number of files in the folder and below it.
        size: total size of these files in bytes.
    """

    files: int
    size: int


def path_of(uri: str, *, root: str = "/") -> str | None:
    """Returns the path of the launcher's copy; None for an address that the launcher ignores.

    Args:
        uri: address of an artifact.
        root: root folder of the copies: "/" in a container; tests use another one.
    """
    for scheme, folder in _FOLDERS.items():
        if uri.startswith(scheme):
            return os.path.join(root, folder, uri[len(scheme) :])
    return None


def measure(path: str) -> Content:
    """Measures a file, or all files below a folder; a path that does not exist has no content."""
    literal = files.escape(path)
    found = files.match(literal) or files.match(f"{literal.rstrip('/')}/**")
    return Content(files=len(found), size=sum(file.size for file in found))


def describe(path: str) -> dict[str, float]:
    """Returns metadata with which `check` can recognise an incomplete copy of an output."""
    content = measure(path)
    # Kubeflow's metadata cannot store integers.
    return {FILES_KEY: float(content.files), BYTES_KEY: float(content.size)}


def check(key: str, uri: str, path: str, metadata: Mapping[str, object]) -> None:
    """Checks that an input was downloaded completely.

    More files or bytes than were written are accepted, because an earlier attempt whose upload
    broke off may have left objects behind.

    Args:
        key: name of the input.
        uri: address of the artifact.
        path: path of the local copy.
        metadata: metadata of the artifact. If they do not contain what `describe` adds, the copy
            only has to contain something.

    Raises:
        LocalCopyError: if something is missing; the message says what.
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
