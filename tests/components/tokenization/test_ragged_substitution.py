import numpy as np
import tensorflow as tf

from components.tokenization import ragged_substitution

# Entry 0 gives itself or 10, entry 1 nothing, entry 2 a pair.
TABLE = {
    "starts": np.array([0, 1, 1], np.int32),
    "lengths": np.array([1, 0, 2], np.int32),
    "values": np.array([10, 20, 21], np.int32),
}


def test_rows_grow_and_shrink():
    ragged = tf.ragged.constant([[0, 2], [], [1], [2, 1, 2]], dtype=tf.int32)
    found = ragged_substitution.substitute(ragged, ragged.flat_values, **TABLE)
    assert found.to_list() == [[10, 20, 21], [], [], [20, 21, 20, 21]]


def test_entry_0_may_keep_its_value():
    ragged = tf.ragged.constant([[7, 8], [9]], dtype=tf.int32)
    found = ragged_substitution.substitute(
        ragged, tf.constant([0, 2, 0]), **TABLE, keeps_entry_0=True
    )
    assert found.to_list() == [[7, 20, 21], [9]]


def test_no_values_at_all():
    ragged = tf.RaggedTensor.from_row_splits(tf.zeros([0], tf.int32), [0, 0, 0])
    found = ragged_substitution.substitute(ragged, ragged.flat_values, **TABLE)
    assert found.to_list() == [[], []]
