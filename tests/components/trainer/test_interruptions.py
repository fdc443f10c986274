"""What becomes of a run whose end comes between two of its actions."""

import dataclasses
import os
import signal
import threading
import time

import pytest
import tensorflow as tf

from components.trainer import actions, loop, preemption, run_folder
from components.trainer.actions import Progress
from components.trainer.checkpoints import RunCheckpoints
from components.trainer.config import TrainingConfig
from components.trainer.divergence import DivergenceError
from components.trainer.preemption import PreemptedError
from components.trainer.run_folder import RunFolderError
from components.trainer.steps import Evaluation, TrainSteps

from .clock import Clock
from .runs import points, short_training


class Killed(BaseException):
    """As a signal that no handler sees would end the process here."""


def evaluations(model_dir) -> list[tuple[int, float]]:
    return [(p["step"], p["loss"]) for p in points(model_dir) if p["kind"] == "eval"]


def checkpoint_names(model_dir) -> set[str]:
    return {path.name.split(".")[0] for path in (model_dir / "checkpoints").iterdir()}


def killed_at(monkeypatch, owner, name, number):
    """Ends the process in place of the `number`-th call of a method."""
    original = getattr(owner, name)
    calls = []

    def call(*args, **kwargs):
        calls.append(name)
        if len(calls) == number:
            raise Killed
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, call)


def test_an_evaluation_that_a_kill_left_out_is_made_by_the_next_attempt(
    train,
    tmp_path,
    monkeypatch,
):
    training = short_training(eval_steps_interval=5, train_steps=10)
    train(tmp_path / "whole", training)
    with monkeypatch.context() as patched:
        # The checkpoint of update 5 is written.
        killed_at(patched, Evaluation, "metrics", 1)
        with pytest.raises(Killed):
            train(tmp_path / "killed", training)
    train(tmp_path / "killed", training)
    assert evaluations(tmp_path / "killed") == evaluations(tmp_path / "whole")


def test_a_complete_run_that_is_started_again_has_nothing_to_add(train, tmp_path, monkeypatch):
    training = short_training(eval_steps_interval=5, train_steps=10, best_metric="loss")
    first = train(tmp_path, training)
    before = evaluations(tmp_path), checkpoint_names(tmp_path)
    killed_at(monkeypatch, Evaluation, "metrics", 1)
    assert train(tmp_path, training).metrics == first.metrics
    # Without a metric to choose by, the metrics are those of the last weights.
    last = train(tmp_path, dataclasses.replace(training, best_metric=None))
    assert last.metrics["loss"] == dict(before[0])[10]
    assert (evaluations(tmp_path), checkpoint_names(tmp_path)) == before


def test_the_metrics_of_the_best_weights_are_theirs_after_a_kill(train, tmp_path, monkeypatch):
    # From the second evaluation on the learning rate wrecks what was learnt.
    training = short_training(
        best_metric="loss",
        learning_rate=0.3,
        warmup_steps=19,
        eval_steps_interval=2,
        steps_per_loop=2,
        save_steps=9,
    )
    with monkeypatch.context() as patched:
        killed_at(patched, RunCheckpoints, "save", 2)  # of update 9; that of 0 is the first
        with pytest.raises(Killed):
            train(tmp_path, training)
    before = dict(evaluations(tmp_path))
    best = min(before, key=before.get)
    assert {f"best-{best}", "step-0"} == checkpoint_names(tmp_path)
    # The next attempt does not come by the update of the best weights.
    rarer = dataclasses.replace(training, eval_steps_interval=20)
    result = train(tmp_path, rarer)
    assert result.metrics["loss"] == before[best]
    again = train(tmp_path, rarer)
    assert again.metrics["loss"] == before[best]


def test_sigterm_during_an_evaluation_saves_at_once(train, tmp_path, monkeypatch):
    original, ask_to_stop = Evaluation.metrics, preemption.StopRequest.ask
    sent, heard = [], threading.Event()

    def metrics(self, make_batches, **kwargs):
        if not sent:
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGTERM)
            assert heard.wait(60)
        return original(self, make_batches, **kwargs)

    def ask(self, reason):
        ask_to_stop(self, reason)
        heard.set()

    monkeypatch.setattr(preemption.StopRequest, "ask", ask)
    monkeypatch.setattr(Evaluation, "metrics", metrics)
    training = short_training(train_steps=10, save_steps=10, eval_steps_interval=7)
    with pytest.raises(PreemptedError, match=r"after update 7 of 10"):
        train(tmp_path, training)
    assert "step-7" in checkpoint_names(tmp_path)
    assert evaluations(tmp_path) == []
    train(tmp_path, training)
    assert [step for step, _ in evaluations(tmp_path)] == [7, 10]


def test_a_damaged_checkpoint_of_a_later_update_does_not_outlive_a_whole_one(train, tmp_path):
    training = short_training(train_steps=20, save_steps=10, max_to_keep=1)
    train(tmp_path, training, evaluation=None)
    folder = tmp_path / "checkpoints"
    # As they lie after kills while the checkpoints of 15 and 20 were written, in another interval.
    for path in sorted(folder.glob("step-20.*")):
        (folder / path.name.replace("20", "10")).write_bytes(path.read_bytes())
        path.write_bytes(b"torn")
    (folder / "step-15.data-00000-of-00001").write_bytes(b"unfinished")
    (folder / "step-15_temp").mkdir()
    shorter = dataclasses.replace(training, train_steps=12)
    train(tmp_path, shorter, evaluation=None)
    assert checkpoint_names(tmp_path) == {"step-12"}


def test_divergence_is_judged_by_the_losses_before_an_interruption(train, tmp_path):
    calm = short_training(train_steps=20, learning_rate=1e-9, max_loss_rise=0.5, max_rollbacks=0)
    train(tmp_path, calm, evaluation=None)
    # Weights of which all know better: the loss of random ones is about 0.7.
    path = tmp_path / "checkpoints" / "step-20"
    reader = tf.train.load_checkpoint(str(path))
    name = "lowest_loss/.ATTRIBUTES/VARIABLE_VALUE"
    losses = [p["loss"] for p in points(tmp_path) if p["kind"] == "train"]
    assert reader.get_tensor(name) == min(losses)


def test_the_losses_of_a_loop_are_kept_when_it_is_interrupted(train, tmp_path, monkeypatch):
    training = short_training(train_steps=10, steps_per_loop=10, save_steps=4)
    train(tmp_path / "whole", training, evaluation=None)
    with monkeypatch.context() as patched:
        killed_at(patched, RunCheckpoints, "save", 3)  # of update 8; those of 0 and 4 are written
        with pytest.raises(Killed):
            train(tmp_path / "killed", training, evaluation=None)
    train(tmp_path / "killed", training, evaluation=None)
    lowest = [
        tf.train.load_variable(
            f"{tmp_path}/{name}/checkpoints/step-10", "lowest_loss/.ATTRIBUTES/VARIABLE_VALUE"
        )
        for name in ("whole", "killed")
    ]
    assert lowest[0] == lowest[1]
    (point,) = [p for p in points(tmp_path / "whole") if p["kind"] == "train"]
    assert lowest[0] == pytest.approx(point["loss"])


def test_a_trace_is_made_of_the_updates_that_are_asked_for(train, tmp_path, monkeypatch):
    updates: list[float] = []
    traced = []
    for name in ("start", "stop"):
        original = getattr(tf.profiler.experimental, name)

        def call(*args, original=original, **kwargs):
            traced.append(len(updates))
            original(*args, **kwargs)

        monkeypatch.setattr(tf.profiler.experimental, name, call)
    training = short_training(train_steps=6, profile_at=3, steps_per_loop=2)
    train(tmp_path, training, evaluation=None, updates=updates)
    assert traced == [3, 5]
    (trace,) = (tmp_path / "history" / "plugins" / "profile").glob("*/*.xplane.pb")
    assert trace.stat().st_size > 1000


def test_a_trace_ends_with_a_run_that_fails(train, tmp_path):
    training = short_training(train_steps=6, profile_at=0, max_rollbacks=0)
    with pytest.raises(DivergenceError):
        train(tmp_path, training, evaluation=None, poison=tuple(range(50)))
    # Another one could not begin while that one goes on.
    tf.profiler.experimental.start(str(tmp_path))
    tf.profiler.experimental.stop(save=False)


def test_stretches_are_joined_by_their_updates_and_time():
    stretches = [
        Progress(3, 9, 2.0, 5.0, 0.1, 30.0, 100, 0.30, updates=3),
        Progress(9, 9, 1.0, 1.0, 0.2, 10.0, 200, 0.10, updates=6),
    ]
    # Ten examples an update: 30 in 1 s and 60 in 6 s.
    expected = Progress(
        9, 9, 12 / 9, 5.0, 0.2, pytest.approx(90 / 7), 200, pytest.approx(0.9 / 7), updates=9
    )
    assert actions.joined(stretches) == expected
    assert actions.joined(stretches[:1]) is stretches[0]


def test_curves_show_all_updates_wherever_checkpoints_cut_the_loop(train, tmp_path, monkeypatch):
    stretches = []
    original = TrainSteps.run

    def run(self, iterator, steps):
        results = original(self, iterator, steps)
        stretches.append((results["steps"], results["loss"]))
        return results

    monkeypatch.setattr(TrainSteps, "run", run)
    train(
        tmp_path, short_training(train_steps=10, steps_per_loop=10, save_steps=4), evaluation=None
    )
    assert [steps for steps, _ in stretches] == [4, 4, 2]
    (point,) = [p for p in points(tmp_path) if p["kind"] == "train"]
    assert point["loss"] == pytest.approx(sum(steps * loss for steps, loss in stretches) / 10)


def test_a_loop_that_does_not_see_the_request_is_kept_short(train, tmp_path, monkeypatch):
    monkeypatch.setattr(TrainingConfig, "is_remote", True)
    monkeypatch.setattr(loop, "_SECONDS_OF_BLIND_LOOP", 0.5)
    stretches = []
    original = TrainSteps.run

    def run(self, iterator, steps):
        stretches.append(steps)
        return original(self, iterator, steps)

    monkeypatch.setattr(TrainSteps, "run", run)
    training = short_training(train_steps=8, steps_per_loop=8, save_steps=8)
    train(tmp_path, training, evaluation=None, updates=[])  # of 0.2 s each
    # The first includes the compiler's time.
    assert stretches[:3] == [1, 1, 2]
    assert sum(stretches) == 8
    assert [p["step"] for p in points(tmp_path) if p["kind"] == "train"] == [8]


def test_a_lease_is_renewed_and_not_taken_back(tmp_path, monkeypatch):
    # As on an object store.
    monkeypatch.setattr(run_folder, "_is_local", lambda _: False)
    monkeypatch.setattr(run_folder, "_SECONDS_BETWEEN_RENEWALS", 0.0)
    lock = tmp_path / "lock"
    with run_folder.opened(str(tmp_path), None) as lease:
        first = lock.read_text()
        lease.renew()
        assert lock.read_text() > first
        monkeypatch.setattr(run_folder, "time", Clock(meanwhile=lease.renew))
        with (
            pytest.raises(RunFolderError, match="in use by another trainer"),
            run_folder.opened(str(tmp_path), None),
        ):
            pass
        # Silent for so long that another one took it.
        lock.write_text(f"process 7 on elsewhere\n{time.time()}")
        with pytest.raises(RunFolderError, match="process 7 on elsewhere"):
            lease.renew()
    assert lock.read_text().startswith("process 7 on elsewhere")
