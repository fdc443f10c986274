"""Locks on local files, with which a process reserves a folder for itself."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator

_MAX_NAME_BYTES = 1024


class HeldError(RuntimeError):
    """A lock that somebody else holds; the message says who."""


@contextlib.contextmanager
def held(path: str) -> Iterator[None]:
    """Holds a lock while the block runs. The system releases it if the process ends before.

    Args:
        path: the file to lock, which is created if necessary, and says who holds the lock.

    Raises:
        HeldError: if it is held elsewhere, in this process or another one.
        OSError: if the file cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, _MAX_NAME_BYTES).decode(errors="replace")
            raise HeldError(holder) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, this_process().encode())
        yield
    finally:
        os.close(descriptor)


def this_process() -> str:
    """Returns a name of this process that a person can find it by."""
    return f"process {os.getpid()} on {socket.gethostname()}"
