import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from components.trainer.config import TrainingConfig
from components.trainer.input_share import InputShare, distribute
from components.trainer.strategy import make_strategy
from components.trainer.task import LossSum
from components.trainer.update import update_function

ROWS = np.array([[3.0, 4.0], [0.0, 0.0], [0.3, 0.0], [0.1, 0.4]], np.float32)


class Weight(tf_keras.Model):
    """Two numbers, and one that no loss depends on."""

    def __init__(self):
        super().__init__()
        self.used = self.add_weight(name="used", shape=[2], initializer="zeros")
        self.unused = self.add_weight(name="unused", shape=[1], initializer="ones")


@dataclasses.dataclass(frozen=True)
class Linear:
    """Loss w·x of each row; the state of a row is the sum of its rows so far."""

    def training_loss(self, model, features, state, *, dropout_seed):
        del dropout_seed
        per_row = tf.linalg.matvec(features["x"], tf.convert_to_tensor(model.used))
        total = tf.reduce_sum(per_row)
        state = {"seen": state["seen"] + tf.transpose(features["x"])}
        return LossSum(total, tf.cast(tf.size(per_row), tf.float32)), state


def step_made(*, replicas=1, **changes):
    """The weight after an update with SGD, the norm, and the rows' states."""
    config = TrainingConfig(batch_size=4, train_steps=1, learning_rate=1.0, **changes)
    name = {1: "one_device", 2: "mirrored"}[replicas]
    strategy = make_strategy(dataclasses.replace(config, strategy=name, eval_batch_size=4))
    with strategy.scope():
        model, optimizer = Weight(), tf_keras.optimizers.SGD(1.0)
        optimizer.build(model.trainable_variables)
    update = update_function(
        task=Linear(),
        model=model,
        optimizer=optimizer,
        config=config,
        num_replicas=replicas,
    )
    data = tf.data.Dataset.from_tensors({"x": ROWS})
    features = next(iter(distribute(strategy, lambda share: data)))
    shares = strategy.experimental_distribute_values_from_function(
        lambda context: tf.zeros([2, 4 // replicas])
    )
    results, state = tf.function(
        lambda features, seen: strategy.run(update, args=(features, {"seen": seen}))
    )(features, shares)
    local = strategy.experimental_local_results
    seen = np.concatenate([value.numpy() for value in local(state["seen"])], axis=1)
    assert model.unused.numpy().tolist() == [1.0]
    return model.used.numpy(), float(local(results["gradient_norm"])[0]), seen


MEAN = ROWS.mean(axis=0)  # (0.85, 1.1), of norm 1.39


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("gradient_accumulation", [1, 2])
def test_the_update_does_not_depend_on_how_the_batch_is_shared_out(replicas, gradient_accumulation):
    weight, norm, seen = step_made(
        replicas=replicas, gradient_accumulation=gradient_accumulation, clip_norm=1.0
    )
    assert norm == pytest.approx(np.linalg.norm(MEAN))
    np.testing.assert_allclose(weight, -MEAN / np.linalg.norm(MEAN), rtol=1e-6)
    # Each row keeps its own state.
    np.testing.assert_array_equal(seen, ROWS.T)


def test_clipping_by_replica_is_what_the_published_code_does():
    weight, norm, _ = step_made(replicas=2, clip_norm=1.0, clipping="replica")
    # Gradients of the replicas' means by 2: (0.75, 1) and (0.1, 0.1); the first has norm 1.25.
    first, second = ROWS[:2].mean(0) / 2, ROWS[2:].mean(0) / 2
    np.testing.assert_allclose(weight, -(first / 1.25 + second), rtol=1e-6)
    assert norm == pytest.approx(1.25)


def test_rows_of_a_host_are_consecutive():
    rows = [InputShare(host, 3).rows(12) for host in range(3)]
    assert [list(range(12))[part] for part in rows] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 11],
    ]
