"""What commands, training runs and runners of Beam share to handle Ctrl-C and SIGTERM.

Imports no TensorFlow, so that commands do not have to wait for it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from components import plain_errors

# The exit status that shells report for a process ended by SIGINT.
EXIT_STATUS = 130


class TerminatedError(SystemExit):
    """SIGTERM ended the process."""


# Set when Ctrl-C asked a training run to stop. The error with which it then ends is not a failure.
asked = threading.Event()


@contextlib.contextmanager
def recognized() -> Iterator[None]:
    """Raises what ended the block: KeyboardInterrupt after Ctrl-C, TerminatedError after SIGTERM.

    Beam makes a RuntimeError of both if they are raised in one of its steps, and a training run
    that Ctrl-C ended raises an error that says how to continue.
    """
    try:
        yield
    except Exception as error:
        if asked.is_set():
            raise KeyboardInterrupt(plain_errors.message(error)) from error
        for origin in plain_errors.origins(error):
            if isinstance(origin, (KeyboardInterrupt, TerminatedError)):
                raise type(origin)(*origin.args) from error
        raise


@contextlib.contextmanager
def termination_as_exit() -> Iterator[None]:
    """Raises TerminatedError on SIGTERM, with which both Kubernetes and Vertex AI end a component.

    Only the main thread can be told of a signal; in another one, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        raise TerminatedError(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
