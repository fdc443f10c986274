"""Factorisation orders, drawn during training (paper §2.2, §2.3, appendix A.2).

Each of the two parts of a record, the reused one and the new one, is cut into blocks of `perm_size`
tokens. The same permutation orders the tokens within every block of a part, and the blocks follow
each other. Tokens that are not masked come before all others, regardless of the permutation: every
token may see them, and they see no masked token.

The order is a function of the seed and the record's index alone, so a resumed run draws the same
orders.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from components.tokenization.special_ids import CLS_ID, SEP_ID
from components.trainer.pretraining.permutation_config import PermutationConfig

# Numbers that identify the independent random draws of a record.
_REUSED_PART, _NEW_PART, _LEAKS = 0, 1, 2
# Finaliser of MurmurHash3 (64 bits) and increment of SplitMix64, public-domain mixing functions.
_MIX_1 = 0xFF51AFD7ED558CCD
_MIX_2 = 0xC4CEB9FE1A85EC53
_GOLDEN_GAMMA = 0x9E3779B97F4A7C15
_UINT64 = 1 << 64


@dataclasses.dataclass(frozen=True)
class LocalPermutation:
    """The factorisation order of one part of a batch of records; all tensors are [batch, part_len].

    Token i may not attend to token j if `query_order[i] <= key_order[j]`.

    Attributes:
        query_order: int32, place of each token in the order when it attends to others.
        key_order: int32, place of each token in the order when others attend to it.
        target: the token to predict at each position, which is the token at that position.
        is_target: bool, whether the token is predicted; never True for `<sep>` and `<cls>`.
    """

    query_order: tf.Tensor
    key_order: tf.Tensor
    target: tf.Tensor
    is_target: tf.Tensor


def local_permutation(
    inputs: tf.Tensor,
    targets: tf.Tensor,
    is_masked: tf.Tensor,
    permutation: tf.Tensor,
    *,
    is_leaked: tf.Tensor | None = None,
) -> LocalPermutation:
    """Determines the factorisation order of one part of each record.

    Args:
        inputs: int [batch, part_len], the tokens.
        targets: int [batch, part_len], the next token at each position, as stored in the records.
        is_masked: bool [batch, part_len], whether the token was masked in preprocessing.
        permutation: int [batch, perm_size], each row a permutation of 0 … perm_size - 1. If the
            last block is shorter, it uses the beginning of the permutation, which is just as
            random.
        is_leaked: bool [batch, part_len], masked tokens that every token may see; None for none.
    """
    part_len = inputs.shape[1]
    perm_size = permutation.shape[1]
    num_blocks = -(-part_len // perm_size)
    permutation = tf.cast(permutation, tf.int32)
    blocks = perm_size * tf.range(num_blocks)[:, None] + permutation[:, None, :]
    index = tf.reshape(blocks, [-1, num_blocks * perm_size])[:, :part_len]

    is_functional = (inputs == SEP_ID) | (inputs == CLS_ID)
    is_target = is_masked & ~is_functional
    # <sep> and <cls> keep their place in the order, but may also see themselves.
    is_context = ~is_target & ~is_functional
    if is_leaked is not None:
        is_context |= is_leaked & is_target
    key_order = tf.where(is_context, -1, index)
    query_order = tf.where(is_target & ~is_context, key_order, key_order + 1)
    # In the records, the target is the next token. The permutation language model predicts the
    # token at the position itself.
    target = tf.concat([inputs[:, :1], targets[:, :-1]], axis=1)
    return LocalPermutation(query_order, key_order, target, is_target)


def permutation_mask(
    query_order: tf.Tensor, key_order: tf.Tensor, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Returns the mask [batch, len, len], 1 where token i may not attend to token j and else 0."""
    return tf.cast(query_order[:, :, None] <= key_order[:, None, :], dtype)


def random_permutations(record_index: tf.Tensor, size: int, *, seed: int, draw: int) -> tf.Tensor:
    """Returns a permutation of 0 … size - 1 for each record, int32 [batch, size].

    Args:
        record_index: int64 [batch], indices of the records.
        size: length of the permutations.
        seed: seed that all random draws share.
        draw: which of the independent draws of a record this is.
    """
    bits = _random_bits(record_index, size, seed=seed, draw=draw)
    return tf.argsort(tf.cast(_shift(bits, 1), tf.int64), axis=1, stable=True)


def permute_records(
    records: Mapping[str, tf.Tensor],
    record_index: tf.Tensor,
    config: PermutationConfig,
    *,
    perm_mask_dtype: tf.DType = tf.float32,
) -> dict[str, tf.Tensor]:
    """Turns parsed pretraining records into the features of the permutation language model.

    Args:
        records: `input`, `target`, `seg_id`, `is_masked` int64 [batch, seq_len] and `label`
            int64 [batch].
        record_index: int64 [batch], a number that is unique to each record that a run sees.
        config: how permutations are drawn.
        perm_mask_dtype: any numeric dtype for `perm_mask`, which is by far the largest feature.

    Returns:
        `input_k`, `seg_id` int32 [batch, seq_len]; `input_q` float32 [batch, seq_len], 1 at
        tokens to predict; `perm_mask` [batch, seq_len, seq_len]; `label` int32 [batch];
        `target` int32 and `target_mask` float32 [batch, P]; `target_positions` int32 [batch, P],
        ascending and padded with -1. P is `num_predict`. If that is None, P is seq_len and the
        positions are left out, because there is a prediction at every position.

    Raises:
        tf.errors.InvalidArgumentError: while running, if a record has more than `num_predict`
            tokens to be predicted.
    """
    reuse_len = config.reuse_len
    inputs, targets = records["input"], records["target"]
    is_masked = records["is_masked"] > 0
    is_leaked = None
    if config.leak_ratio:
        is_leaked = _random_uniform(
            record_index, config.seq_len, seed=config.seed, draw=_LEAKS
        ) < tf.constant(config.leak_ratio, tf.float64)

    def permute(part: slice, draw: int) -> LocalPermutation:
        return local_permutation(
            inputs[:, part],
            targets[:, part],
            is_masked[:, part],
            random_permutations(record_index, config.perm_size, seed=config.seed, draw=draw),
            is_leaked=None if is_leaked is None else is_leaked[:, part],
        )

    reused = permute(slice(None, reuse_len), _REUSED_PART)
    new = permute(slice(reuse_len, None), _NEW_PART)
    # The new part comes after all of the reused part in the order, so it sees all of that part and
    # is not seen by it.
    num_blocks = -(-reuse_len // config.perm_size)
    shift = num_blocks * config.perm_size + 1
    query_order = tf.concat([reused.query_order, new.query_order + shift], axis=1)
    key_order = tf.concat([reused.key_order, new.key_order + shift], axis=1)
    target = tf.concat([reused.target, new.target], axis=1)
    is_target = tf.concat([reused.is_target, new.is_target], axis=1)
    features = {
        "input_k": tf.cast(inputs, tf.int32),
        "input_q": tf.cast(is_target, tf.float32),
        "seg_id": tf.cast(records["seg_id"], tf.int32),
        "label": tf.cast(records["label"], tf.int32),
        "perm_mask": permutation_mask(query_order, key_order, perm_mask_dtype),
    }
    features.update(_predictions(tf.cast(target, tf.int32), is_target, config))
    return features


def _predictions(
    target: tf.Tensor, is_target: tf.Tensor, config: PermutationConfig
) -> dict[str, tf.Tensor]:
    seq_len, num_predict = config.seq_len, config.num_predict
    if num_predict is None:
        return {"target": target, "target_mask": tf.cast(is_target, tf.float32)}
    most = tf.reduce_max(tf.reduce_sum(tf.cast(is_target, tf.int32), axis=1))
    check = tf.debugging.assert_less_equal(
        most,
        num_predict,
        message=f"A record has more tokens to be predicted than num_predict = {num_predict}. Were "
        "the records made with this number?",
    )
    with tf.control_dependencies([check] if check is not None else []):
        # Sorts the targets to the front, in the order of their positions, and the rest behind them.
        order = tf.range(seq_len) + tf.where(is_target, 0, seq_len)
        positions = tf.sort(order, axis=1)[:, :num_predict]
    is_real = positions < seq_len
    positions = tf.where(is_real, positions, -1)
    return {
        "target": tf.where(is_real, tf.gather(target, tf.maximum(positions, 0), batch_dims=1), 0),
        "target_mask": tf.cast(is_real, tf.float32),
        "target_positions": positions,
    }


def _random_bits(record_index: tf.Tensor, size: int, *, seed: int, draw: int) -> tf.Tensor:
    """Returns a hash of seed, draw, record and position, uint64 [batch, size].

    TensorFlow's stateless generators cannot be used here, because they take one seed per call and
    not one per record.
    """
    start = tf.constant((_mix_python(seed) + draw * _GOLDEN_GAMMA) % _UINT64, tf.uint64)
    gamma = tf.constant(_GOLDEN_GAMMA, tf.uint64)
    state = _mix(start + gamma * tf.cast(record_index, tf.uint64))
    positions = tf.cast(tf.range(1, size + 1), tf.uint64)
    return _mix(state[:, None] + gamma * positions)


def _random_uniform(record_index: tf.Tensor, size: int, *, seed: int, draw: int) -> tf.Tensor:
    """Returns uniform random numbers in [0, 1), float64 [batch, size]."""
    bits = _random_bits(record_index, size, seed=seed, draw=draw)
    # A double has 53 significant bits.
    return tf.cast(tf.cast(_shift(bits, 11), tf.int64), tf.float64) * 2.0**-53


def _mix(state: tf.Tensor) -> tf.Tensor:
    for factor in (_MIX_1, _MIX_2):
        state = tf.bitwise.bitwise_xor(state, _shift(state, 33)) * tf.constant(factor, tf.uint64)
    return tf.bitwise.bitwise_xor(state, _shift(state, 33))


def _mix_python(value: int) -> int:
    state = (value + _GOLDEN_GAMMA) % _UINT64
    for factor in (_MIX_1, _MIX_2):
        state = (state ^ (state >> 33)) * factor % _UINT64
    return state ^ (state >> 33)


def _shift(bits: tf.Tensor, places: int) -> tf.Tensor:
    return tf.bitwise.right_shift(bits, tf.constant(places, tf.uint64))
