import re

import pytest
import tensorflow as tf

from components.trainer.strategy import DeviceError
from components.trainer.workers import Position, Workers


@pytest.fixture
def several(monkeypatch):
    workers = Workers(tf.distribute.get_strategy())
    monkeypatch.setattr(workers, "_are_several", True)
    return workers


def fail():
    raise tf.errors.UnavailableError(None, None, "Connection reset by peer")


def test_a_worker_alone_has_its_own_errors():
    workers = Workers(tf.distribute.get_strategy())
    with pytest.raises(tf.errors.UnavailableError), workers.together():
        fail()


@pytest.mark.parametrize(
    ("position", "message"),
    [
        (None, "compute together: one was lost, .* from the latest checkpoint. .Connection reset"),
        (
            Position(7, 5),
            "together after update 7: .* from the checkpoint of update 5. .Connection",
        ),
    ],
)
def test_errors_between_workers_say_how_far_the_run_came(several, position, message):
    several.position = position
    with pytest.raises(DeviceError, match=message), several.together():
        fail()


def test_workers_go_on_from_the_same_update(several, monkeypatch):
    # What another worker says, whose folder is empty.
    monkeypatch.setattr(
        "components.trainer.workers.gather", lambda _, value, axis: tf.concat([value, [0]], axis)
    )
    several.check_restored(0)
    with pytest.raises(DeviceError, match=re.escape("of update 20, but") + ".*updates: 0, 20. All"):
        several.check_restored(20)
