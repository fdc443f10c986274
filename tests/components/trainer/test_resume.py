"""Runs that are killed, and go on as if they had not been."""

import dataclasses
import os
import signal

import numpy as np
import pytest
import tensorflow as tf

from components.trainer.classification.fine_tuning import FineTuningConfig

from . import worker
from .runs import points

N = 10
MEMORY = "carried_state/mems/.ATTRIBUTES/VARIABLE_VALUE"


@pytest.mark.e2e
@pytest.mark.parametrize("kind", ["fine_tuning", "pretraining"])
def test_twice_n_updates_are_n_a_kill_and_n(kind, request, sample_records, tmp_path):
    config = request.getfixturevalue(f"{kind}_config")
    config = dataclasses.replace(
        config,
        training=dataclasses.replace(
            config.training,
            train_steps=2 * N,
            steps_per_loop=1,
            save_steps=N,
            eval_steps_interval=2 * N,
        ),
    )
    records = (
        sample_records.directory
        if isinstance(config, FineTuningConfig)
        else request.getfixturevalue("corpus")
    )
    killed = worker.start(
        *(kind, config, records, tmp_path / "killed"),
        directory=tmp_path / "worker",
        env=os.environ,
        # Updates that its checkpoint does not hold.
        kill_after=N + 3,
    )
    whole = worker.train(kind, config, records, tmp_path / "whole")
    assert killed.wait() == -signal.SIGKILL, (tmp_path / "worker" / "log").read_text()[-3000:]
    assert (tmp_path / "killed" / "checkpoints" / f"step-{N}.index").exists()
    assert not (tmp_path / "killed" / "checkpoints" / f"step-{2 * N}.index").exists()

    resumed = worker.train(kind, config, records, tmp_path / "killed")

    for ours, theirs in zip(resumed.model.variables, whole.model.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=ours.name)
    losses = [
        {p["step"]: p["loss"] for p in points(tmp_path / name)} for name in ("killed", "whole")
    ]
    assert losses[0] == losses[1]
    assert {*range(1, 2 * N + 1)} <= set(losses[0])
    if kind == "pretraining":
        memories = [
            tf.train.load_variable(f"{tmp_path}/{name}/checkpoints/step-{2 * N}", MEMORY)
            for name in ("killed", "whole")
        ]
        np.testing.assert_array_equal(*memories)
