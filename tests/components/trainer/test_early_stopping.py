"""Runs that end because their evaluations no longer get better, and interruptions around that."""

import dataclasses

import numpy as np
import pytest

from components import configuration
from components.trainer import loop
from components.trainer.config import TrainingConfig

from .runs import points, short_training

# From update 10 on, the learning rate wrecks what was learnt.
TRAINING = short_training(
    train_steps=40,
    best_metric="loss",
    patience=2,
    learning_rate=0.3,
    warmup_steps=39,
    eval_steps_interval=3,
    steps_per_loop=4,
    save_steps=5,
)


@pytest.fixture(scope="module")
def whole(train, tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole")
    return directory, train(directory, TRAINING)


def losses(directory) -> dict[int, float]:
    return {p["step"]: p["loss"] for p in points(directory) if p["kind"] == "eval"}


def test_a_run_ends_when_patience_runs_out_with_its_best_weights(whole):
    directory, result = whole
    measured = losses(directory)
    best = min(measured, key=measured.get)
    assert result.step == best + 2 * 3 < 40
    assert max(measured) == result.step
    assert result.metrics["loss"] == measured[best]
    assert (directory / "checkpoints" / f"step-{result.step}.index").is_file()
    # The last updates are on the curves, although no loop was full.
    assert max(p["step"] for p in points(directory) if p["kind"] == "train") == result.step


@pytest.mark.parametrize("place", ["compared", "saved"])
def test_killed_at_the_last_evaluation_and_resumed_it_is_the_same_run(
    place, whole, train, tmp_path, monkeypatch
):
    _, result = whole
    with monkeypatch.context() as patch:
        _kill(patch, place, result.step)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, TRAINING)
    resumed = train(tmp_path, TRAINING)
    assert resumed.step == result.step
    assert resumed.metrics == result.metrics
    for ours, theirs in zip(resumed.model.variables, result.model.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=ours.name)
    assert losses(tmp_path) == losses(whole[0])


def _kill(patch, place, step):
    """Ends a training after a part of what it does after an update."""
    owner, name = {
        "compared": (loop.BestModel, "compare"),
        "saved": (loop._Training, "_end_early"),
        "checkpoint written": (loop._Training, "_save"),
    }[place]
    original = getattr(owner, name)

    def killed(self, *arguments):
        original(self, *arguments)
        if arguments[:1] in ((step,), ()):
            raise KeyboardInterrupt

    patch.setattr(owner, name, killed)


def test_evaluations_before_the_metric_was_set_do_not_count(train, tmp_path, monkeypatch, caplog):
    without = dataclasses.replace(TRAINING, best_metric=None, patience=None)
    _stop_at_update_10(train, tmp_path, without, monkeypatch)
    result = train(tmp_path, TRAINING)
    assert "until update 9 are gone" in caplog.text
    measured = losses(tmp_path)
    best = min((step for step in measured if step > 9), key=measured.get)
    assert result.step == best + 2 * 3
    assert result.metrics["loss"] == measured[best]


def test_evaluations_are_counted_whatever_the_interval_was(train, tmp_path, monkeypatch):
    # One evaluation, after update 8, which would be the fourth with an interval of 2.
    rare = dataclasses.replace(TRAINING, eval_steps_interval=8)
    _stop_at_update_10(train, tmp_path, rare, monkeypatch)
    train(tmp_path, dataclasses.replace(TRAINING, eval_steps_interval=2))
    measured = losses(tmp_path)
    best = min(measured, key=measured.get)
    assert len([step for step in measured if step > best]) == 2


def test_another_metric_is_compared_from_now_on(train, tmp_path, caplog):
    by_loss = dataclasses.replace(TRAINING, train_steps=9, warmup_steps=8, patience=None)
    train(tmp_path, dataclasses.replace(by_loss, best_metric="accuracy"))
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    result = train(tmp_path, by_loss)
    assert "only those with the best accuracy, of update" in caplog.text
    assert result.metrics["loss"] in losses(tmp_path).values()


def _stop_at_update_10(train, directory, training, monkeypatch):
    with monkeypatch.context() as patch:
        _kill(patch, "checkpoint written", 10)
        with pytest.raises(KeyboardInterrupt):
            train(directory, training)


def test_patience_needs_a_metric_and_at_least_one_evaluation():
    needed = {"batch_size": 1, "train_steps": 2, "learning_rate": 0.1}
    with pytest.raises(ValueError, match="best_metric is not set"):
        TrainingConfig(**needed, patience=3)
    with pytest.raises(configuration.ConfigurationError, match="patience must be positive"):
        configuration.build(TrainingConfig, {**needed, "best_metric": "loss", "patience": 0})
