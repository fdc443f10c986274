"""Who gets a run's folder in an object store, and after what time."""

import contextlib
import os
import signal
import threading
import time

import pytest

from components.trainer import run_folder
from components.trainer.run_folder import RunFolderError

DEAD = "process 7 on a machine that is gone"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """One that is treated as in an object store; like there, files are replaced as a whole."""
    monkeypatch.setattr(run_folder, "_is_local", lambda _: False)
    monkeypatch.setattr(run_folder, "_SECONDS_BETWEEN_RENEWALS", 0.0)
    monkeypatch.setattr(run_folder, "_SECONDS_BETWEEN_LOOKS", 0.05)
    return tmp_path


@contextlib.contextmanager
def during(act):
    """Does something again and again in another thread while the block runs."""
    is_over = threading.Event()

    def repeat():
        while not is_over.wait(0.02):
            act()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_the_lock_of_a_killed_trainer_is_waited_for_and_taken(folder, monkeypatch, caplog):
    monkeypatch.setattr(run_folder, "_LEASE_SECONDS", 0.5)
    lock = folder / "lock"
    lock.write_text(f"{DEAD}\n{time.time()}")
    begun = time.monotonic()
    with run_folder.opened(str(folder), None):
        assert 0.5 <= time.monotonic() - begun < 10
        assert DEAD not in lock.read_text()
    assert not lock.exists()
    (said,) = caplog.messages
    assert said.startswith(f"{folder} is held by another trainer ({DEAD}), which may have been")


def test_a_lock_is_renewed_however_long_the_loop_is(folder, monkeypatch):
    monkeypatch.setattr(run_folder, "_LEASE_SECONDS", 1.0)
    lock = folder / "lock"
    with run_folder.opened(str(folder), None) as lease:
        first = lock.read_text()
        deadline = time.monotonic() + 30
        while lock.read_text() == first:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        # It is not taken back from another trainer, and the loop hears of that.
        taken = f"{DEAD}\n{time.time()}"
        with lease._lock:
            lock.write_text(taken)
        time.sleep(0.5)
        assert lock.read_text() == taken
        with pytest.raises(RunFolderError, match=DEAD):
            lease.renew()
    assert lock.read_text() == taken


def test_a_lock_that_is_renewed_is_respected_at_once(folder):
    with run_folder.opened(str(folder), None) as lease, during(lease.renew):
        begun = time.monotonic()
        with (
            pytest.raises(RunFolderError, match=rf"in use .*process {os.getpid()} .*alive just"),
            run_folder.opened(str(folder), None),
        ):
            pytest.fail("both hold it")
        assert time.monotonic() - begun < 30
        lease.renew()


def test_a_folder_that_is_let_go_meanwhile_is_free(folder):
    lock = folder / "lock"
    lock.write_text(f"{DEAD}\n{time.time()}")
    remover = threading.Timer(0.2, lock.unlink)
    remover.start()
    begun = time.monotonic()
    with run_folder.opened(str(folder), None):
        assert DEAD not in lock.read_text()
    assert time.monotonic() - begun < 30
    remover.join()


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_ends_the_waiting(folder, monkeypatch, survives_sigterm, number, expected):
    waits = threading.Event()
    monkeypatch.setattr(run_folder._logger, "warning", lambda *_: waits.set())
    monkeypatch.setattr(run_folder, "_SECONDS_BETWEEN_LOOKS", 60.0)
    lock = folder / "lock"
    content = f"{DEAD}\n{time.time()}"
    lock.write_text(content)

    def send():
        waits.wait()
        time.sleep(0.3)
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    sender.start()
    begun = time.monotonic()
    with pytest.raises(expected), run_folder.opened(str(folder), None):
        pytest.fail("taken")
    sender.join()
    assert time.monotonic() - begun < 30
    assert lock.read_text() == content
