"""The folder of a run's state: whose it is, and that only one trainer writes there.

The state is found again by what a run is determined by, not by who runs it: a component that is
started once more goes on where the first attempt ended.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any

from components import configuration, files, plain_json
from components.manifest import Manifest
from components.trainer.config import OPERATIONAL

# Under which a pipeline tells its Trainer the root of all runs' folders.
STATE_ROOT_KEY = "state_root"

# Vertex AI's folder for the checkpoints of a job, the same for all its attempts.
_VERTEX_CHECKPOINTS = "AIP_CHECKPOINT_DIR"
_IDENTITY_NAME = "run.json"
_LOCK_NAME = "lock"
# Of the digest in a folder's name: enough for all runs that anyone will ever have.
_DIGEST_CHARACTERS = 16
# Where there are no locks (object stores) a lock is a file that its owner renews.
_LEASE_SECONDS = 600.0
_SECONDS_BETWEEN_RENEWALS = 60.0
# Not what is computed, but where it is found.
_TRAINING_KEY = "training"
_MODEL_KEY = "model"


class RunFolderError(ValueError):
    """A folder that cannot be written, is another run's, or in use."""


def identity(config: Any, manifest: Manifest) -> dict[str, Any]:
    """What a run's numbers depend on, as plain values.

    Args:
        config: dataclass of the run, with a `TrainingConfig` under `training` and, where it has a
            network, an `XLNetConfig` under `model`.
        manifest: of its records.
    """
    settings = configuration.to_plain(config)
    if _MODEL_KEY in settings:
        settings[_MODEL_KEY] = config.model.to_published()
    settings[_TRAINING_KEY] = {
        name: value for name, value in settings[_TRAINING_KEY].items() if name not in OPERATIONAL
    }
    records = json.dumps(dataclasses.asdict(manifest), sort_keys=True).encode()
    return {
        "configuration": settings,
        "records_sha256": files.sha256(records),
    }


def state_root(custom_config: Mapping[str, Any]) -> str | None:
    """Root of all runs' folders: as the pipeline says, else Vertex AI's, else None."""
    return custom_config.get(STATE_ROOT_KEY) or os.environ.get(_VERTEX_CHECKPOINTS) or None


def keyed(root: str, name: str, run: Mapping[str, Any]) -> str:
    """Folder of a run under a root that runs share, named by what `identity` says."""
    digest = files.sha256(json.dumps(run, sort_keys=True).encode())
    plain = re.sub(r"[^\w.-]+", "_", name)
    return f"{root.rstrip('/')}/{plain}-{digest[:_DIGEST_CHARACTERS]}"


@contextlib.contextmanager
def opened(directory: str, run: Mapping[str, Any] | None) -> Iterator[Lease]:
    """Holds a folder for one trainer while the block runs.

    Args:
        directory: made if need be.
        run: what `identity` says; None looks at nothing.

    Raises:
        RunFolderError: if it cannot be written, another trainer holds it, or it is another run's;
            nothing in it is changed then.
    """
    try:
        files.make_directory(directory)
        lease = _lock_file(directory) if _is_local(directory) else _RemoteLease(directory)
    except OSError as error:
        raise RunFolderError(
            f"{directory} cannot be written: {error}. Choose another folder, or give this user the "
            "right to write there."
        ) from error
    with contextlib.closing(lease):
        if run is not None:
            _check_identity(directory, run)
        yield lease


class Lease:
    """That a folder is held; where it has to be renewed, by `renew`."""

    def renew(self) -> None:
        """Says that the holder is alive; may be called often.

        Raises:
            RunFolderError: if it was silent for so long that another trainer took the folder.
        """

    def close(self) -> None:
        """Lets the folder go."""


def _check_identity(directory: str, run: Mapping[str, Any]) -> None:
    path = f"{directory}/{_IDENTITY_NAME}"
    try:
        before = plain_json.mapping(files.read_bytes(path), where=path)
    except FileNotFoundError:
        files.write_bytes(path, (json.dumps(run, indent=2, sort_keys=True) + "\n").encode())
        return
    except plain_json.JsonError as error:
        raise RunFolderError(
            f"{error}. It says whose checkpoints these are; use another folder, or remove the file "
            "if they are this run's."
        ) from error
    old, new = _flat(before), _flat(run)
    differences = [
        f"{name}: {old.get(name, '(nothing)')!r} there, {new.get(name, '(nothing)')!r} now"
        for name in sorted({*old, *new})
        if old.get(name, ...) != new.get(name, ...)
    ]
    if differences:
        raise RunFolderError(
            f"{directory} holds the checkpoints of another run. "
            + "; ".join(differences)
            + ". Use another folder, or go on with the settings of that run."
        )


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, item in value.items():
        flat |= _flat(item, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _is_local(directory: str) -> bool:
    return "://" not in directory


class _LocalLease(Lease):
    def __init__(self, descriptor: int):
        self._descriptor = descriptor

    def close(self) -> None:
        os.close(self._descriptor)


def _lock_file(directory: str) -> Lease:
    """A lock that the system lets go when the process ends, however it ends."""
    path = f"{directory}/{_LOCK_NAME}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(descriptor, 1024).decode(errors="replace")
        os.close(descriptor)
        raise _in_use(directory, holder) from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, _me().encode())
    return _LocalLease(descriptor)


class _RemoteLease(Lease):
    """A file whose content names its owner and when it was last alive."""

    def __init__(self, directory: str):
        self._directory = directory
        self._path = f"{directory}/{_LOCK_NAME}"
        holder, seen = self._read()
        age = time.time() - seen
        # Clocks differ by minutes. What is dated further ahead would block for ever.
        if abs(age) < _LEASE_SECONDS:
            raise _in_use(directory, f"{holder}, alive {max(age, 0):.0f} s ago")
        self._write()

    def renew(self) -> None:
        if time.monotonic() - self._renewed < _SECONDS_BETWEEN_RENEWALS:
            return
        holder, _ = self._read()
        if holder != _me():
            raise _in_use(self._directory, holder or "which has ended since")
        self._write()

    def close(self) -> None:
        holder, _ = self._read()
        if holder == _me():
            files.remove(self._path)

    def _read(self) -> tuple[str, float]:
        """Who holds the folder, and when that one was last alive.

        Raises:
            RunFolderError: if the file is none of a trainer's.
        """
        try:
            content = files.read_bytes(self._path)[:1024]
        except FileNotFoundError:
            return "", 0.0
        try:
            holder, _, seen = content.decode("utf-8").partition("\n")
            return holder, float(seen or 0)
        except ValueError as error:
            raise RunFolderError(
                f"{self._path} does not say who uses the folder and since when; it holds "
                f"{content[:80]!r}. Remove it if no trainer runs there."
            ) from error

    def _write(self) -> None:
        files.write_bytes(self._path, f"{_me()}\n{time.time()}".encode())
        self._renewed = time.monotonic()


def _in_use(directory: str, holder: str) -> RunFolderError:
    return RunFolderError(
        f"{directory} is in use by another trainer ({holder}). Two would overwrite each other's "
        "checkpoints; end that one, or use another folder."
    )


def _me() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
