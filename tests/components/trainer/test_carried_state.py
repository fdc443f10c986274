"""The memory of pretraining, shared out among replicas."""

import numpy as np
import pytest
import tensorflow as tf

from components.trainer.carried_state import CarriedState

# Two layers, three rows for a replica.
INITIAL = {"mems": tf.zeros([2, 3, 4], tf.bfloat16)}


def mirrored(number):
    return tf.distribute.MirroredStrategy(
        [f"CPU:{index}" for index in range(number)],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


@pytest.mark.parametrize("make", [tf.distribute.get_strategy, lambda: mirrored(1)])
def test_a_loop_returns_what_it_is_given_if_there_is_one_replica(make):
    strategy = make()
    state = CarriedState(INITIAL, strategy)

    @tf.function
    def loop(values, number):
        done = tf.constant(0)
        while done < number:
            values = strategy.run(lambda given: {"mems": given["mems"] + 1}, args=(values,))
            done += 1
        return values

    state.values = loop(state.values, tf.constant(3))
    state.collect()
    assert np.unique(state.variables()["mems"].numpy().astype(np.float32)) == [3.0]


def test_checkpoints_hold_the_rows_of_all_replicas_in_order():
    strategy = mirrored(2)
    state = CarriedState(INITIAL, strategy)
    variable = state.variables()["mems"]
    assert variable.shape == [2, 6, 4]
    rows = tf.reshape(tf.range(6, dtype=tf.float32), [1, 6, 1]) * tf.ones([2, 6, 4])
    variable.assign(tf.cast(rows, tf.bfloat16))
    state.spread()
    local = strategy.experimental_local_results(state.values["mems"])
    assert [share.numpy()[0, :, 0].astype(int).tolist() for share in local] == [
        [0, 1, 2],
        [3, 4, 5],
    ]
    variable.assign(tf.zeros_like(variable))
    state.collect()
    np.testing.assert_array_equal(variable.numpy().astype(np.float32), rows)
    state.clear()
    state.collect()
    assert not variable.numpy().astype(np.float32).any()
