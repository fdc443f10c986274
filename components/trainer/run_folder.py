"""The folder with a run's state: which run it belongs to, and that only one trainer writes there.

The folder is identified by what determines the run's results and not by who runs it. A component
that is started again therefore continues where its first attempt ended.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components import configuration, file_lock, files, interruption, plain_json
from components.manifest import Manifest
from components.trainer.config import OPERATIONAL

_logger = logging.getLogger(__name__)

# Key in `custom_config` under which a pipeline passes the root of all run folders to its Trainer.
STATE_ROOT_KEY = "state_root"

# Key in the identity of a run whose updates depend on the number of replicas.
REPLICAS_KEY = "replicas"

# Environment variable with Vertex AI's checkpoint folder of a job, the same for all its attempts.
_VERTEX_CHECKPOINTS = "AIP_CHECKPOINT_DIR"
_IDENTITY_NAME = "run.json"
_LOCK_NAME = "lock"
# Length of the digest in a folder's name: 64 bits, enough to make collisions implausible.
_DIGEST_CHARACTERS = 16
# Object stores have no locks. There, the lock is a file that its owner renews regularly. It may be
# silent for that long, because the store may not answer for minutes.
_LEASE_SECONDS = 600.0
_SECONDS_BETWEEN_RENEWALS = 60.0
# How often one that waits for a lock looks whether its owner is alive.
_SECONDS_BETWEEN_LOOKS = 15.0
# What stands for the content of a lock that does not exist.
_NOBODY = ("", 0.0)
# Fields of a run's configuration that `identity` treats specially.
_TRAINING_KEY = "training"
_MODEL_KEY = "model"


class RunFolderError(ValueError):
    """A folder that cannot be written to, belongs to another run, or is in use."""


def identity(
    config: Any, manifests: Sequence[Manifest], *, initial_weights: str | None = None
) -> dict[str, Any]:
    """Returns everything that the numbers of a run depend on, as plain values.

    Args:
        config: configuration dataclass of the run, with a `TrainingConfig` under `training` and,
            if it has a network, an `XLNetConfig` under `model`.
        manifests: manifests of the run's records, which hold digests of them: first its own, then
            those that it mixes in.
        initial_weights: digest of the weights in `config.init_from`; None for random weights.
    """
    settings = configuration.to_plain(config)
    if _MODEL_KEY in settings:
        settings[_MODEL_KEY] = config.model.to_published()
    settings[_TRAINING_KEY] = {
        name: value for name, value in settings[_TRAINING_KEY].items() if name not in OPERATIONAL
    }
    records = json.dumps([dataclasses.asdict(one) for one in manifests], sort_keys=True).encode()
    return {
        "configuration": settings,
        "records_sha256": files.sha256(records),
        "initial_weights_sha256": initial_weights,
    }


def state_root(custom_config: Mapping[str, Any]) -> str | None:
    """Returns the root of all run folders: the pipeline's, else Vertex AI's, else None."""
    return custom_config.get(STATE_ROOT_KEY) or os.environ.get(_VERTEX_CHECKPOINTS) or None


def keyed(root: str, name: str, run: Mapping[str, Any]) -> str:
    """Returns the folder of a run under a shared root, named after a digest of its identity.

    Args:
        root: folder that several runs share.
        name: readable prefix of the folder's name.
        run: identity of the run, as returned by `identity`.
    """
    digest = files.sha256(json.dumps(run, sort_keys=True).encode())
    plain = re.sub(r"[^\w.-]+", "_", name)
    return f"{root.rstrip('/')}/{plain}-{digest[:_DIGEST_CHARACTERS]}"


@contextlib.contextmanager
def opened(directory: str, run: Mapping[str, Any] | None) -> Iterator[Lease]:
    """Reserves a folder for one trainer while the block runs.

    A trainer that was killed leaves its lock in an object store. Until it is certain that the owner
    of a lock is gone, this waits, for ten minutes at most.

    Args:
        directory: folder to reserve; it is created if necessary.
        run: identity of the run, as returned by `identity`; None skips the check.

    Raises:
        RunFolderError: if the folder cannot be written to, is held by another trainer, or belongs
            to another run. Its checkpoints are left untouched.
    """
    with contextlib.ExitStack() as stack:
        try:
            files.make_directory(directory)
            if _is_local(directory):
                stack.enter_context(file_lock.held(f"{directory}/{_LOCK_NAME}"))
                lease = Lease()
            else:
                lease = stack.enter_context(contextlib.closing(_RemoteLease(directory)))
        except file_lock.HeldError as error:
            raise _in_use(directory, str(error)) from error
        except OSError as error:
            raise RunFolderError(
                f"{directory} cannot be written: {error}. Choose another folder, or give this user "
                "the right to write there."
            ) from error
        if run is not None:
            _check_identity(directory, run)
        yield lease


class Lease:
    """Proof that this process holds a folder. Some leases have to be renewed regularly."""

    def renew(self) -> None:
        """Signals that the holder is alive; may be called as often as one likes.

        Raises:
            RunFolderError: if the last signal was so long ago that another trainer took the folder.
        """


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
    # A run without updates left to make may be opened with any number of replicas.
    _compare(directory, *(_without_replicas(each) for each in (before, run)))


def check_replicas(directory: str, run: Mapping[str, Any]) -> None:
    """Checks that a run goes on with as many replicas as it began with, if that matters to it.

    Args:
        directory: folder of the run, which is held.
        run: identity of the run, with the number of replicas under `REPLICAS_KEY` if it matters.

    Raises:
        RunFolderError: if the number differs.
    """
    path = f"{directory}/{_IDENTITY_NAME}"
    before = plain_json.mapping(files.read_bytes(path), where=path)
    _compare(directory, *({REPLICAS_KEY: each.get(REPLICAS_KEY)} for each in (before, run)))


def _without_replicas(run: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in run.items() if name != REPLICAS_KEY}


def _compare(directory: str, before: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    old, new = configuration.flat(before), configuration.flat(run)
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


def _is_local(directory: str) -> bool:
    return "://" not in directory


class _RemoteLease(Lease):
    """A file in an object store that names its owner and the time of the last sign of life."""

    def __init__(self, directory: str):
        self._directory = directory
        self._path = f"{directory}/{_LOCK_NAME}"
        holder, seen = self._read()
        # One that is dated in the future says nothing about its owner: clocks differ.
        if time.time() - seen < _LEASE_SECONDS:
            self._wait_for_silence(holder, seen)
        self._write()
        # One call of the compiled loop, or compiling it, may take longer than the lease.
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._renew_always, name="lease", daemon=True)
        self._thread.start()

    def renew(self) -> None:
        with self._lock:
            if time.monotonic() - self._renewed < _SECONDS_BETWEEN_RENEWALS:
                return
            holder, _ = self._read()
            if holder != file_lock.this_process():
                raise _in_use(self._directory, holder or "which has ended since")
            self._write()

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()
        holder, _ = self._read()
        if holder == file_lock.this_process():
            files.remove(self._path)

    def _renew_always(self) -> None:
        while not self._is_over.wait(_LEASE_SECONDS / 10):
            try:
                self.renew()
            except RunFolderError:
                # The training loop comes to the same end when it renews the lease itself.
                return
            except Exception as error:
                # Each store raises exceptions of its own. The next attempt may succeed.
                _logger.warning("%s could not be renewed just now: %s", self._path, error)

    def _wait_for_silence(self, holder: str, seen: float) -> None:
        """Waits until the lock is gone, or has not been renewed for as long as one may be silent.

        An owner that was killed shows by nothing else that it is gone. The time is measured with
        this machine's clock only.

        Raises:
            RunFolderError: if the owner renews the lock, or another trainer takes it.
        """
        _logger.warning(
            "%s is held by another trainer (%s), which may have been killed. This one waits, for "
            "%.0f s at most; it goes on if the other gives no sign of life meanwhile.",
            *(self._directory, holder, _LEASE_SECONDS),
        )
        begun = time.monotonic()
        # No checkpoint has to be written yet, so SIGTERM may end the process at once.
        with interruption.termination_as_exit():
            while (left := begun + _LEASE_SECONDS - time.monotonic()) > 0:
                time.sleep(min(left, _SECONDS_BETWEEN_LOOKS))
                now = self._read()
                if now == _NOBODY:
                    return
                if now != (holder, seen):
                    raise _in_use(self._directory, f"{now[0]}, alive just now")

    def _read(self) -> tuple[str, float]:
        """Returns the holder of the folder and the Unix time of its last sign of life.

        Raises:
            RunFolderError: if the file was not written by a trainer.
        """
        try:
            content = files.read_bytes(self._path)[:1024]
        except FileNotFoundError:
            return _NOBODY
        try:
            holder, _, seen = content.decode("utf-8").partition("\n")
            return holder, float(seen or 0)
        except ValueError as error:
            raise RunFolderError(
                f"{self._path} does not say who uses the folder and since when; it holds "
                f"{content[:80]!r}. Remove it if no trainer runs there."
            ) from error

    def _write(self) -> None:
        files.write_bytes(self._path, f"{file_lock.this_process()}\n{time.time()}".encode())
        self._renewed = time.monotonic()


def _in_use(directory: str, holder: str) -> RunFolderError:
    return RunFolderError(
        f"{directory} is in use by another trainer ({holder}). Two would overwrite each other's "
        "checkpoints; end that one, or use another folder."
    )
