import itertools

import numpy as np
import pytest
import tensorflow as tf

from components.trainer.pretraining import permutation
from components.trainer.pretraining.permutation_config import PermutationConfig, PermutationError

SEP, CLS = 4, 3


def reference_mask(inputs, is_masked, order):
    """perm_mask and target_mask from their definition in the reference's docstring, in words.

    Token i cannot attend to token j if i's place in the order is not behind j's and j is masked or
    functional. Places of other tokens are before all; tokens that are not predicted see themselves.
    """
    length = len(inputs)
    functional = [token in (SEP, CLS) for token in inputs]
    target = [bool(m) and not f for m, f in zip(is_masked, functional, strict=True)]
    mask = np.zeros((length, length))
    for i, j in itertools.product(range(length), repeat=2):
        hidden = target[j] or functional[j]
        place_i = order[i] if target[i] or functional[i] else -1
        if i == j:
            mask[i, j] = target[i]
        else:
            mask[i, j] = hidden and place_i <= order[j]
    return mask, np.array(target)


def permute(inputs, is_masked, permutations, **arguments):
    inputs = tf.constant(inputs, tf.int64)
    targets = tf.concat([inputs[:, 1:], tf.fill([len(inputs), 1], tf.constant(9, tf.int64))], 1)
    found = permutation.local_permutation(
        inputs, targets, tf.constant(is_masked), tf.constant(permutations), **arguments
    )
    mask = permutation.permutation_mask(found.query_order, found.key_order)
    return found, mask.numpy()


def test_a_case_by_hand():
    # Tokens a b c SEP; b and c are masked; the order is c, SEP, a, b (places 2, 3, 0, 1).
    found, mask = permute([[11, 12, 13, SEP]], [[False, True, True, False]], [[2, 3, 0, 1]])

    assert found.is_target.numpy().tolist() == [[False, True, True, False]]
    # The token itself, though the records hold the next one.
    assert found.target.numpy().tolist() == [[11, 12, 13, SEP]]
    # a sees only itself: it is context. b (place 3) is last and sees all but itself. c (place 0)
    # is first and sees a only. SEP (place 1) sees a, c and itself.
    assert mask[0].tolist() == [
        [0, 1, 1, 1],
        [0, 1, 0, 0],
        [0, 1, 1, 1],
        [0, 1, 0, 0],
    ]


def test_all_masks_and_orders_of_small_parts():
    tokens = [[11, 12, 13, 14], [11, SEP, 13, CLS], [SEP, 12, SEP, CLS]]
    for inputs in tokens:
        cases = list(
            itertools.product(
                itertools.product([False, True], repeat=4), itertools.permutations(range(4))
            )
        )
        masked = [case[0] for case in cases]
        orders = [case[1] for case in cases]

        found, mask = permute([inputs] * len(cases), masked, orders)

        for index, (is_masked, order) in enumerate(cases):
            expected, target = reference_mask(inputs, is_masked, order)
            np.testing.assert_array_equal(mask[index], expected)
            np.testing.assert_array_equal(found.is_target[index], target)
            for i, j in itertools.product(range(4), repeat=2):
                if target[i] and target[j] and order[i] <= order[j]:
                    assert mask[index, i, j] == 1, "a token sees itself or a later one"


@pytest.mark.parametrize(("length", "perm_size"), [(12, 12), (12, 4), (12, 5), (7, 3)])
def test_a_thousand_random_draws_fit_the_definition(length, perm_size):
    draws = np.random.default_rng(length + perm_size)
    inputs = draws.integers(10, 100, (250, length))
    inputs[:, -1], inputs[:, length // 2] = CLS, SEP
    is_masked = draws.random((250, length)) < 0.4
    permutations = permutation.random_permutations(
        tf.range(250, dtype=tf.int64), perm_size, seed=3, draw=0
    ).numpy()

    found, mask = permute(inputs, is_masked, permutations)

    for index in range(250):
        # Blocks follow each other; within each the same permutation.
        order = [
            (position // perm_size) * perm_size + permutations[index, position % perm_size]
            for position in range(length)
        ]
        expected, target = reference_mask(inputs[index], is_masked[index], order)
        np.testing.assert_array_equal(mask[index], expected)
        np.testing.assert_array_equal(found.is_target[index], target)


def make_records(batch, seq_len, num_masked, seed=0):
    draws = np.random.default_rng(seed)
    inputs = draws.integers(10, 100, (batch, seq_len))
    inputs[:, -1] = CLS
    inputs[:, -2] = SEP
    is_masked = np.argsort(draws.random((batch, seq_len)), axis=1) < num_masked
    return {
        "input": inputs,
        "target": np.concatenate([inputs[:, 1:], np.full((batch, 1), 9)], axis=1),
        "seg_id": draws.integers(0, 3, (batch, seq_len)),
        "is_masked": is_masked.astype(np.int64),
        "label": draws.integers(0, 2, batch),
    }


def run(records, config, indices=None, **arguments):
    number = len(records["label"])
    indices = np.arange(number) if indices is None else np.asarray(indices)
    features = permutation.permute_records(
        {name: tf.constant(value, tf.int64) for name, value in records.items()},
        tf.constant(indices, tf.int64),
        config,
        **arguments,
    )
    return {name: value.numpy() for name, value in features.items()}


def make_config(**overrides) -> PermutationConfig:
    return PermutationConfig(
        **{
            "seq_len": 16,
            "reuse_len": 6,
            "perm_size": 4,
            "num_predict": 7,
            "seed": 5,
            **overrides,
        }
    )


def test_the_reused_part_does_not_see_the_new_one_which_sees_all_of_it():
    records = make_records(200, 16, 7)
    config = make_config()

    mask = run(records, config)["perm_mask"]

    assert (mask[:, :6, 6:] == 1).all()
    assert (mask[:, 6:, :6] == 0).all()
    for part, draw in ((slice(0, 6), 0), (slice(6, 16), 1)):
        orders = permutation.random_permutations(
            tf.range(200, dtype=tf.int64), 4, seed=5, draw=draw
        ).numpy()
        for index in range(200):
            length = part.stop - part.start
            order = [p // 4 * 4 + orders[index, p % 4] for p in range(length)]
            expected, _ = reference_mask(
                records["input"][index, part], records["is_masked"][index, part], order
            )
            np.testing.assert_array_equal(mask[index, part, part], expected)


def test_predictions_are_the_masked_tokens_in_the_order_of_their_positions():
    records = make_records(200, 16, 7)

    features = run(records, make_config())

    for index in range(200):
        inputs = records["input"][index]
        positions = [
            p for p in range(16) if records["is_masked"][index, p] and inputs[p] not in (SEP, CLS)
        ]
        missing = 7 - len(positions)
        assert features["target_positions"][index].tolist() == positions + [-1] * missing
        assert features["target"][index].tolist() == inputs[positions].tolist() + [0] * missing
        assert features["target_mask"][index].tolist() == [1.0] * len(positions) + [0.0] * missing
        np.testing.assert_array_equal(features["input_q"][index], np.isin(range(16), positions))
    np.testing.assert_array_equal(features["input_k"], records["input"])
    np.testing.assert_array_equal(features["seg_id"], records["seg_id"])
    np.testing.assert_array_equal(features["label"], records["label"])
    assert any(features["target_mask"].sum(axis=1) < 7), "no functional token was masked"


def test_without_a_number_of_predictions_all_positions_are_predicted():
    records = make_records(50, 16, 5)

    features = run(records, make_config(num_predict=None))

    assert "target_positions" not in features
    assert features["target"].shape == features["target_mask"].shape == (50, 16)
    np.testing.assert_array_equal(features["target_mask"], features["input_q"])
    predicted = features["target_mask"] > 0
    np.testing.assert_array_equal(features["target"][predicted], records["input"][predicted])


def test_more_masked_tokens_than_predictions_are_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError, match="num_predict = 3"):
        run(make_records(4, 16, 12), make_config(num_predict=3))


def test_draws_depend_on_seed_and_record_alone():
    records = make_records(6, 16, 7)
    config = make_config()
    together = run(records, config, [10, 11, 12, 1 << 40, 14, 15])["perm_mask"]

    part = {name: value[3:4] for name, value in records.items()}
    np.testing.assert_array_equal(run(part, config, [1 << 40])["perm_mask"], together[3:4])
    assert (run(part, config, [99])["perm_mask"] != together[3:4]).any()
    other_seed = run(part, make_config(seed=6), [1 << 40])["perm_mask"]
    assert (other_seed != together[3:4]).any()


def test_permutations_are_uniform_and_independent():
    number = 48_000
    first, second = (
        permutation.random_permutations(
            tf.range(number, dtype=tf.int64), 4, seed=11, draw=draw
        ).numpy()
        for draw in (0, 1)
    )

    for draws in (first, second):
        _, counts = np.unique(draws, axis=0, return_counts=True)
        # 24 permutations, 2,000 each; standard deviation 44.
        assert len(counts) == 24
        assert np.abs(counts - 2000).max() < 5 * 44
    # 1/24 of pairs agree by chance, between draws of a record and between neighbours.
    assert abs((first == second).all(axis=1).mean() - 1 / 24) < 0.005
    assert abs((first[1:] == first[:-1]).all(axis=1).mean() - 1 / 24) < 0.005


def test_leaked_tokens_are_seen_by_all_and_still_predicted():
    records = make_records(400, 16, 7)
    whole = run(records, make_config())
    leaking = run(records, make_config(leak_ratio=0.25))
    np.testing.assert_array_equal(leaking["target_mask"], whole["target_mask"])
    np.testing.assert_array_equal(leaking["target"], whole["target"])
    np.testing.assert_array_equal(leaking["input_q"], whole["input_q"])

    diagonal = np.diagonal(leaking["perm_mask"], axis1=1, axis2=2)
    predicted = leaking["input_q"] > 0
    leaked = predicted & (diagonal == 0)
    # About 2,500 predicted tokens; standard deviation 0.009.
    assert abs(leaked[predicted].mean() - 0.25) < 0.045
    for index, j in zip(*np.nonzero(leaked), strict=True):
        part = slice(0, 6) if j < 6 else slice(6, 16)
        assert (leaking["perm_mask"][index, part, j] == 0).all()
    everything = run(records, make_config(leak_ratio=1.0))
    assert not np.diagonal(everything["perm_mask"], axis1=1, axis2=2).any()


def test_it_compiles_to_a_graph_with_static_shapes():
    config = make_config()
    records = {name: tf.constant(value, tf.int64) for name, value in make_records(3, 16, 7).items()}

    @tf.function
    def traced(records, indices):
        return permutation.permute_records(records, indices, config, perm_mask_dtype=tf.uint8)

    concrete = traced.get_concrete_function(records, tf.range(3, dtype=tf.int64))

    shapes = {name: spec.shape.as_list() for name, spec in concrete.structured_outputs.items()}
    assert shapes == {
        "input_k": [3, 16],
        "input_q": [3, 16],
        "seg_id": [3, 16],
        "label": [3],
        "perm_mask": [3, 16, 16],
        "target": [3, 7],
        "target_mask": [3, 7],
        "target_positions": [3, 7],
    }
    assert concrete.structured_outputs["perm_mask"].dtype == tf.uint8


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"perm_size": 7}, "perm_size is 7; legal is 1 to 6"),
        ({"reuse_len": 12, "perm_size": 5}, "legal is 1 to 4"),
        ({"perm_size": 0}, "legal is 1 to 6"),
        ({"reuse_len": 16}, "legal is 1 to seq_len - 1 = 15"),
        ({"num_predict": 17}, "legal is 1 to seq_len = 16"),
        ({"leak_ratio": 1.5}, "legal is 0 to 1"),
    ],
)
def test_illegal_sizes_are_named(overrides, message):
    with pytest.raises(PermutationError, match=message):
        make_config(**overrides)
