"""What a run does when it diverges, is asked to end, or finds its folder in another's hands."""

import contextlib
import dataclasses
import itertools
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from components import interruption, manifest, records
from components.trainer import checkpoints, loop, preemption, run_folder
from components.trainer.actions import Progress
from components.trainer.checkpoints import CheckpointError, RunCheckpoints
from components.trainer.divergence import DivergenceError, DivergenceGuard, Losses
from components.trainer.input_share import EVERYTHING
from components.trainer.preemption import PreemptedError
from components.trainer.record_input import EmptySplitError, FineTuningData, LabelError, RecordFiles
from components.trainer.run_folder import RunFolderError

from .conftest import SEQ_LEN
from .runs import points, short_training


def order(sample_records, number) -> list[list[int]]:
    """Records of the first batches of a run of `short_training()`."""
    data = FineTuningData(short_training(), sample_records.make("train"), None)
    tf.random.set_seed(1)  # as the loop does: the order depends on it
    batches = data.training_batches(0, num_steps=number, share=EVERYTHING)
    return [(b["input_ids"].numpy()[:, -1] - 100).tolist() for b in batches.take(number)]


def test_a_run_goes_back_and_on_without_the_batches_on_which_it_diverged(
    train, sample_records, tmp_path
):
    batches = order(sample_records, 13)
    # Of update 8; all records come again in the updates 11 to 20.
    bad = next(record for record in batches[7] if record not in np.concatenate(batches[10:]))
    result = train(tmp_path, short_training(train_steps=10), poison=(bad,), evaluation=None)
    assert result.step == 10
    for value in result.model.variables:
        assert np.isfinite(value.numpy()).all()
    (rollback,) = [point for point in points(tmp_path) if point["kind"] == "rollback"]
    assert (rollback["from_step"], rollback["step"]) == (8, 5)
    assert rollback["cause"] == "loss is nan"
    # Three batches were skipped: those of the updates 6 to 8.
    skipped = tf.train.load_variable(
        f"{tmp_path}/checkpoints/step-10", "skipped_batches/.ATTRIBUTES/VARIABLE_VALUE"
    )
    assert skipped == 3


def test_a_run_that_diverges_always_fails_with_its_update_and_cause(train, tmp_path):
    with pytest.raises(
        DivergenceError, match=r"at update 1 of 20: loss is nan .*back .* 2 times.*max_rollbacks"
    ):
        train(tmp_path, poison=tuple(range(50)), evaluation=None)
    assert [p["kind"] for p in points(tmp_path)] == ["rollback", "rollback"]


def test_a_checkpoint_that_is_wrecked_itself_is_gone_back_behind(train, tmp_path, monkeypatch):
    save = RunCheckpoints.save

    def save_wrecked(self, step):
        # As an update would leave it that overflows without a trace in its own loss.
        if step == 5 and not wrecked:
            wrecked.append(step)
            for variable in self._model.model.variables:
                variable.assign(variable * np.float32("nan"))
        save(self, step)

    wrecked: list[int] = []
    monkeypatch.setattr(RunCheckpoints, "save", save_wrecked)
    result = train(tmp_path, short_training(train_steps=10), evaluation=None)
    assert result.step == 10
    rollbacks = [p for p in points(tmp_path) if p["kind"] == "rollback"]
    assert [(p["from_step"], p["step"]) for p in rollbacks] == [(6, 0)]


def test_checkpoints_in_the_course_of_a_divergence_are_gone_back_behind(
    train, tmp_path, monkeypatch
):
    check = DivergenceGuard.check
    diverged = []

    def diverge_once(self, progress):
        check(self, progress)
        if progress.step == 10 and not diverged:
            diverged.append(progress)
            raise DivergenceError(progress, "it rose", sound_step=5)

    monkeypatch.setattr(DivergenceGuard, "check", diverge_once)
    train(tmp_path, short_training(train_steps=12, save_steps=4), evaluation=None)
    (rollback,) = [point for point in points(tmp_path) if point["kind"] == "rollback"]
    assert (rollback["from_step"], rollback["step"]) == (10, 4)


@pytest.mark.parametrize("cuts", [[4, 8, 12], [1, 4, 7, 8, 11, 12], [*range(1, 13)]])
def test_how_far_the_loss_rose_is_judged_by_whole_loops(cuts):
    # Within a loop single updates differ by more than the limit. The loops' means are 1, 1.4, 1.6.
    losses = [0.1, 1.3, 1.3, 1.3, 0.2, 1.8, 1.8, 1.8, 1.0, 2.0, 2.0, 1.4]
    guard = DivergenceGuard(short_training(train_steps=30, steps_per_loop=4, max_loss_rise=0.5))

    def stretch(first, last):
        mean = float(np.mean(losses[first:last]))
        guard.check(Progress(last, 30, mean, 1.0, 0.1, 1.0, updates=last - first))
        # As a checkpoint would bring it to the next attempt.
        guard.losses = Losses(**dataclasses.asdict(guard.losses))

    stretches = list(itertools.pairwise([0, *cuts]))
    for first, last in stretches[:-1]:
        stretch(first, last)
    assert guard.losses.lowest == pytest.approx(1.0)
    with pytest.raises(DivergenceError, match=r"12 of 30: loss is 1.6, .* so far, 1 ") as error:
        stretch(*stretches[-1])
    assert error.value.sound_step == 8


def test_a_loss_that_rises_too_far_is_divergence(train, tmp_path):
    training = short_training(
        learning_rate=0.5, max_loss_rise=0.5, max_rollbacks=0, steps_per_loop=1, train_steps=30
    )
    with pytest.raises(DivergenceError, match=r"more than training.max_loss_rise \(0.5\) above"):
        train(tmp_path, training)


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "Ctrl-C")]
)
def test_a_signal_ends_a_run_with_a_checkpoint_in_seconds_whatever_the_loop(
    train, tmp_path, monkeypatch, number, name
):
    monkeypatch.setattr(interruption, "asked", threading.Event())
    sent = []
    updates: list[float] = []

    def send():
        while len(updates) < 3:
            time.sleep(0.05)
        sent.append(time.monotonic())
        os.kill(os.getpid(), number)

    threading.Thread(target=send, daemon=True).start()
    training = short_training(train_steps=5000, steps_per_loop=5000, save_steps=5000)
    with pytest.raises(PreemptedError, match=rf"asked to end \({name}\) after update (\d+)") as end:
        train(tmp_path, training, updates=updates)
    assert time.monotonic() - sent[0] < 10
    step = int(str(end.value).split("update ")[1].split()[0])
    assert 0 < step < 5000
    assert (tmp_path / "checkpoints" / f"step-{step}.index").exists()
    # What a command makes its exit status of.
    assert interruption.asked.is_set() == (name == "Ctrl-C")


def test_ctrl_c_without_a_run_is_what_it_always_was(monkeypatch):
    monkeypatch.setattr(interruption, "asked", threading.Event())
    with preemption.signals_taken_over(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert not interruption.asked.is_set()


def test_a_run_does_not_draw_from_the_generators_of_its_process(train, tmp_path):
    before = random.getstate(), np.random.get_state()
    train(tmp_path, short_training(train_steps=1, steps_per_loop=1))
    assert random.getstate() == before[0]
    for ours, theirs in zip(np.random.get_state(), before[1], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_signals_are_given_back(survives_sigterm):
    def state():
        descriptor = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(descriptor)
        return descriptor, signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    ours, pythons = socket.socketpair()
    with ours, pythons:
        pythons.setblocking(False)
        signal.set_wakeup_fd(pythons.fileno())
        try:
            before = state()
            with preemption.signals_taken_over():
                within = state()
                with preemption.watch(maintenance=False):
                    assert state() == within
                assert state() == within
            assert all(ours is not theirs for ours, theirs in zip(within, before, strict=True))
            assert state() == before
        finally:
            signal.set_wakeup_fd(-1)


# Gets SIGTERM after a training run, in a component of the same process that waits for a job, or in
# any other.
_TERMINATED_AFTER_A_RUN = """
import signal, sys, time
from components import interruption
from components.trainer import preemption

with preemption.signals_taken_over():
    with preemption.watch(maintenance=False):
        pass
    if sys.argv[1] == "any time":
        signal.raise_signal(signal.SIGTERM)
    try:
        with interruption.termination_as_exit():
            signal.raise_signal(signal.SIGTERM)
    except SystemExit:
        time.sleep(0.3)
        print("cancelled", end="")
        raise
"""


@pytest.mark.parametrize(
    ("when", "told"), [("while a job is waited for", "cancelled"), ("any time", "")]
)
def test_a_run_leaves_later_components_their_own_way_to_end(when, told):
    run = [sys.executable, "-c", _TERMINATED_AFTER_A_RUN, when]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (128 + signal.SIGTERM, told), done.stderr


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("instance/maintenance-event", "TERMINATE_ON_HOST_MAINTENANCE"),
        ("instance/preempted", "TRUE"),
    ],
)
def test_announced_maintenance_ends_a_run(path, value, monkeypatch):
    import http.server

    class Metadata(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            assert self.headers["Metadata-Flavor"] == "Google"
            body = value if self.path == f"/computeMetadata/v1/{path}" else "NONE"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{server.server_port}")
    with preemption.watch(maintenance=True) as request:
        deadline = time.monotonic() + 5
        while request.reason is None and time.monotonic() < deadline:
            time.sleep(0.02)
    server.shutdown()
    assert request.reason == f"{path} is {value}"
    assert bool(request.flag.numpy())


def test_the_best_weights_are_what_a_run_ends_with(train, tmp_path):
    # From update 10 on the learning rate wrecks what was learnt.
    training = short_training(
        best_metric="loss",
        learning_rate=0.3,
        warmup_steps=19,
        eval_steps_interval=2,
        steps_per_loop=2,
        max_to_keep=1,
    )
    result = train(tmp_path, training)
    losses = {p["step"]: p["loss"] for p in points(tmp_path) if p["kind"] == "eval"}
    best = min(losses, key=losses.get)
    assert best < 20
    assert result.metrics["loss"] == losses[best]
    names = {path.name.split(".")[0] for path in (tmp_path / "checkpoints").iterdir()}
    assert names == {f"best-{best}", "step-20"}
    again = train(tmp_path, training)
    for ours, theirs in zip(again.model.variables, result.model.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    with pytest.raises(ValueError, match=r"best_metric is 'f1'; .* give accuracy, loss"):
        train(tmp_path, dataclasses.replace(training, best_metric="f1"))


def test_history_says_what_a_run_does_with_the_hardware(train, tmp_path):
    train(tmp_path, short_training(train_steps=5), evaluation=None)
    (point,) = [p for p in points(tmp_path) if p["kind"] == "train"]
    assert set(point) == {
        *("kind", "step", "loss", "gradient_norm", "learning_rate"),
        *("examples_per_second", "memory_bytes"),
    }
    assert 1e8 < point["memory_bytes"] < 1e11


def test_utilisation_is_operations_by_time_and_peak(train, tmp_path, monkeypatch):
    original = loop.train
    monkeypatch.setattr(
        loop, "train", lambda **kwargs: original(**kwargs, flops_per_step=1_000_000)
    )
    train(tmp_path, short_training(train_steps=5, peak_flops=1e9), evaluation=None)
    (point,) = [p for p in points(tmp_path) if p["kind"] == "train"]
    steps_per_second = point["examples_per_second"] / 5
    assert point["model_flops_utilization"] == pytest.approx(steps_per_second * 1e6 / 1e9)


def test_a_torn_checkpoint_is_passed_over(train, tmp_path):
    first = train(tmp_path, short_training(train_steps=10), evaluation=None)
    newest = tmp_path / "checkpoints" / "step-10.data-00000-of-00001"
    newest.write_bytes(newest.read_bytes()[:-5000])
    second = train(tmp_path, short_training(train_steps=10), evaluation=None)
    for ours, theirs in zip(second.model.variables, first.model.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    for path in (tmp_path / "checkpoints").glob("*.index"):
        path.write_bytes(b"torn")
    with pytest.raises(CheckpointError, match=r"No checkpoint in .* is whole"):
        train(tmp_path, short_training(train_steps=10), evaluation=None)


@pytest.mark.parametrize(
    "place",
    [(tf.raw_ops, "RestoreV2"), (tf.train, "load_checkpoint"), (tf.train.Checkpoint, "read")],
)
def test_a_checkpoint_that_cannot_be_reached_is_not_passed_over(
    train, tmp_path, monkeypatch, place
):
    training = short_training(train_steps=10)
    train(tmp_path, training, evaluation=None)
    before = {path.name for path in (tmp_path / "checkpoints").iterdir()}

    def read(*_, **__):
        raise tf.errors.UnavailableError(None, None, "503 backend error")

    with monkeypatch.context() as patched:
        patched.setattr(*place, read)
        with pytest.raises(
            CheckpointError, match=r"step-10 cannot be read at the moment .*503 .*Nothing was"
        ):
            train(tmp_path, training, evaluation=None)
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == before
    assert train(tmp_path, training, evaluation=None).step == 10


def test_a_checkpoint_that_went_elsewhere_is_an_error(train, tmp_path, monkeypatch):
    # As that of a remote TPU does if it is given a folder on this machine's disk.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(checkpoints, "gathered", lambda _: contextlib.nullcontext(str(elsewhere)))
    with pytest.raises(CheckpointError, match=r"step-0 was written, but it is not .*gs://"):
        train(tmp_path / "run", evaluation=None)


def test_a_full_disk_is_one_error_and_what_is_there_stays(train, tmp_path):
    train(tmp_path, short_training(train_steps=5, learning_rate=1e-3), evaluation=None)
    before = {p.name: p.read_bytes() for p in (tmp_path / "checkpoints").iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(
            CheckpointError, match=r"step-10 could not be written \(.* GiB are free.*update 5 is"
        ):
            train(tmp_path, short_training(train_steps=10, learning_rate=1e-3), evaluation=None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {p.name: p.read_bytes() for p in (tmp_path / "checkpoints").iterdir()} == before


def test_two_trainers_on_one_folder_are_an_error(train, tmp_path):
    with (
        run_folder.opened(str(tmp_path), None),
        pytest.raises(RunFolderError, match=f"in use by another trainer .process {os.getpid()}"),
    ):
        train(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_folder_that_cannot_be_written_is_an_error(train, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot be written"):
        train(tmp_path / "file" / "run")


def test_checkpoints_of_another_configuration_are_refused_with_the_difference(train, tmp_path):
    run = {"configuration": {"training": {"learning_rate": 1.0, "seed": 0}}, "records_sha256": "a"}
    other = {
        "configuration": {"training": {"learning_rate": 2.0, "seed": 0}},
        "records_sha256": "b",
    }
    train(tmp_path, short_training(train_steps=5), run=run, evaluation=None)
    with pytest.raises(
        RunFolderError,
        match=r"configuration.training.learning_rate: 1.0 there, 2.0 now; "
        r"records_sha256: 'a' there, 'b' now",
    ):
        train(tmp_path, short_training(train_steps=5), run=other, evaluation=None)
    assert run_folder.keyed("root", "x", run) != run_folder.keyed("root", "x", other)


def test_clipping_by_replica_goes_on_with_as_many_replicas_alone(train, tmp_path):
    run = {"records_sha256": "a"}
    with run_folder.opened(str(tmp_path), {**run, "replicas": 2}):
        pass
    training = short_training(clipping="replica", train_steps=5)
    with pytest.raises(RunFolderError, match="replicas: 2 there, 1 now"):
        train(tmp_path, training, run=run, evaluation=None)
    # Once it is complete, any device may open it, as the Trainer does after a training job.
    train(tmp_path, training, evaluation=None)
    assert train(tmp_path, training, run=run, evaluation=None).step == 5


def test_what_makes_another_run_and_what_does_not(tiny_model, tiny_options):
    from components.trainer.classification.fine_tuning import FineTuningConfig

    def identity(*, records="0", mixed=(), weights=None, **changes):
        made = FineTuningConfig(
            "classification",
            "sample",
            ("no", "yes"),
            ("accuracy",),
            SEQ_LEN,
            False,
            tiny_model,
            tiny_options,
            short_training(**changes),
        )
        manifests = [
            manifest.Manifest("classification", {}, "0", {}, {}, digests={"a": digest})
            for digest in (records, *mixed)
        ]
        return run_folder.identity(made, manifests, initial_weights=weights)

    assert identity() == identity(save_steps=7, strategy="mirrored", max_rollbacks=9)
    assert identity() != identity(learning_rate=1e-4)
    assert identity() != identity(train_steps=21)
    assert identity() != identity(records="1")
    assert identity(mixed="0") not in (identity(), identity(mixed="1"))
    assert identity() != identity(weights="0")


def test_labels_out_of_range_are_named_at_once(train, sample_records, tmp_path):
    data = FineTuningData(short_training(), sample_records.make("train"), None, num_labels=1)
    with pytest.raises(LabelError, match="label ids from 0 to 1, but the task has 1 labels"):
        data.check()


def test_an_empty_training_split_is_named_at_once(tmp_path):
    path = str(tmp_path / "empty.gz")
    with tf.io.TFRecordWriter(path, "GZIP"):
        pass
    data = FineTuningData(
        short_training(), RecordFiles([path], records.CLASSIFICATION, SEQ_LEN), None, num_labels=2
    )
    with pytest.raises(EmptySplitError, match="holds no record"):
        data.check()
