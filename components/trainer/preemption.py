"""Ends a run, with a checkpoint, on SIGTERM, Ctrl-C or announced maintenance.

Python's signal handlers do not run while the compiled loop does. Therefore the loop itself checks a
flag before each update, and threads set that flag. A run thus ends within one update of the
request, however long its loops are. Workers that train together sum their flags in each update, so
that all of them end after the same one. A TPU that is reached over the network cannot see the flag;
its loops are kept short instead.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import tensorflow as tf

from components import interruption

_logger = logging.getLogger(__name__)

# Environment variable with another host for the metadata server; Google's libraries honour it too.
_METADATA_HOST = "GCE_METADATA_HOST"
_DEFAULT_METADATA_HOST = "metadata.google.internal"
# Entries of the metadata server, and their values that announce the end of this machine.
# Source: cloud.google.com/compute/docs/metadata/getting-live-migration-notice and .../preemptible.
_ENDINGS = {
    "instance/maintenance-event": ("TERMINATE_ON_HOST_MAINTENANCE",),
    "instance/preempted": ("TRUE",),
}
# Notices arrive one hour (maintenance) or 30 seconds (preemption) before the machine is stopped.
_SECONDS_BETWEEN_LOOKS = 5.0
_SECONDS_TO_ANSWER = 4.0


class PreemptedError(RuntimeError):
    """A run that was asked to end before its last update; its checkpoint has been written."""


class StopRequest:
    """Whether a run has been asked to end.

    Attributes:
        flag: bool [], read by the compiled loop before each update.
        reason: what asked the run to end; None as long as nothing did.
    """

    def __init__(self) -> None:
        with tf.device("CPU:0"):
            self.flag = tf.Variable(False, trainable=False, name="stop_requested")
        self.reason: str | None = None

    def ask(self, reason: str) -> None:
        """Asks the run to end; may be called from any thread."""
        self.reason = self.reason or reason
        self.flag.assign(True)


class _Terminations:
    """Receives SIGTERM and SIGINT for the whole process and passes them to the run that listens.

    If no run listens, the process ends as it would have without this class. It also ends at a
    second SIGINT.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listener: StopRequest | None = None
        self._is_in_charge = False

    @contextlib.contextmanager
    def in_charge(self) -> Iterator[None]:
        """Installs the handlers while the block runs; Python allows this only in the main thread.

        Blocks may be nested. What a notebook, say, had installed before is there again afterwards.
        """
        if self._is_in_charge or threading.current_thread() is not threading.main_thread():
            yield
            return
        # The C part of the handler writes to the descriptor at once, whatever the process is doing.
        ours, pythons = socket.socketpair()
        pythons.setblocking(False)
        descriptor = signal.set_wakeup_fd(pythons.fileno(), warn_on_full_buffer=False)
        handlers = {signal.SIGTERM: signal.signal(signal.SIGTERM, self._terminate)}
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            handlers[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
        thread = threading.Thread(target=self._wait, args=(ours,), name="sigterm", daemon=True)
        thread.start()
        self._is_in_charge = True
        try:
            yield
        finally:
            self._is_in_charge = False
            for number, handler in handlers.items():
                # None stands for a handler that Python does not know; it cannot be installed again.
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            signal.set_wakeup_fd(descriptor)
            # Ends the thread.
            pythons.close()
            thread.join()
            ours.close()

    @contextlib.contextmanager
    def heard_by(self, request: StopRequest) -> Iterator[None]:
        """Passes signals to a run while the block runs."""
        with self._lock:
            self._listener = request
        try:
            yield
        finally:
            with self._lock:
                self._listener = None

    def _terminate(self, number: int, frame: object) -> None:
        """Ends the process as SIGTERM does by default, unless a run listens."""
        if self._listener is None:
            os._exit(128 + number)

    def _interrupt(self, number: int, frame: object) -> None:
        """Does what Python does on SIGINT by default, unless a run listens."""
        if self._listener is None and not interruption.asked.is_set():
            raise KeyboardInterrupt

    def _wait(self, received: socket.socket) -> None:
        while number := received.recv(1):
            if number[0] not in (signal.SIGTERM, signal.SIGINT):
                continue
            with self._lock:
                listener = self._listener
            if number[0] == signal.SIGINT:
                if interruption.asked.is_set():
                    os._exit(interruption.EXIT_STATUS)
                if listener is not None:
                    interruption.asked.set()
                    _logger.info("ending after this update; Ctrl-C again ends without a checkpoint")
                    listener.ask("Ctrl-C")
                continue
            # Without a run, Python's handler decides: a component that waits for a job has its own.
            if listener is not None:
                listener.ask("SIGTERM")


_terminations = _Terminations()


def signals_taken_over() -> contextlib.AbstractContextManager[None]:
    """Passes signals to the runs inside a block, which may be in threads other than this one."""
    return _terminations.in_charge()


@contextlib.contextmanager
def watch(*, maintenance: bool) -> Iterator[StopRequest]:
    """Yields a stop request that SIGTERM, Ctrl-C or Google's metadata server can trigger.

    Args:
        maintenance: whether to poll the metadata server, which only Google's machines have.
    """
    request = StopRequest()
    is_over = threading.Event()
    if maintenance:
        threading.Thread(
            target=_watch_metadata, args=(request, is_over), name="maintenance", daemon=True
        ).start()
    with signals_taken_over(), _terminations.heard_by(request):
        try:
            yield request
        finally:
            is_over.set()


def _watch_metadata(request: StopRequest, is_over: threading.Event) -> None:
    while not is_over.is_set():
        for name, endings in _ENDINGS.items():
            value = _metadata(name)
            if value in endings:
                request.ask(f"{name} is {value}")
                return
        is_over.wait(_SECONDS_BETWEEN_LOOKS)


def _metadata(name: str) -> str | None:
    host = os.environ.get(_METADATA_HOST, _DEFAULT_METADATA_HOST)
    url = f"http://{host}/computeMetadata/v1/{name}"
    # A proxy that the environment configures could not reach this address.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(
            urllib.request.Request(url, headers={"Metadata-Flavor": "Google"}),
            timeout=_SECONDS_TO_ANSWER,
        ) as response:
            return response.read(256).decode().strip()
    except (urllib.error.URLError, OSError) as error:
        _logger.debug("metadata server: %s", error)
        return None
