"""Piece ids of one or two texts to a classification record: `A SEP (B SEP) CLS`, padded left."""

from __future__ import annotations

import tensorflow as tf

from components.records import MASKED, PAD_INPUT_ID, UNMASKED, SegmentId
from components.tokenization.special_ids import CLS_ID, SEP_ID

# SEP and CLS; a second text brings a SEP of its own.
_SINGLE_SPECIALS = 2
_PAIR_SPECIALS = 3
# One piece, SEP, CLS.
MIN_SEQ_LEN = 3


def pack(ids_a: tf.RaggedTensor, ids_b: tf.RaggedTensor, seq_len: int) -> dict[str, tf.Tensor]:
    """Cuts, joins and pads.

    Args:
        ids_a: int32 [n, (pieces)], first texts.
        ids_b: int32 [n, (pieces)], second texts; no pieces where there is none.
        seq_len: length of the records.

    Returns:
        input_ids int64 [n, seq_len], input_mask float32 [n, seq_len] (1 at padding), segment_ids
        int64 [n, seq_len].

    Raises:
        ValueError: if `seq_len` has no room for a piece.
    """
    if seq_len < MIN_SEQ_LEN:
        raise ValueError(f"seq_len must be at least {MIN_SEQ_LEN}, but is {seq_len}.")
    length_a, length_b = truncated_lengths(
        tf.cast(ids_a.row_lengths(), tf.int32), tf.cast(ids_b.row_lengths(), tf.int32), seq_len
    )
    part_b = _with_separator(length_b)
    total = length_a + part_b + _SINGLE_SPECIALS

    # Columns are [n, 1], places within the unpadded record [n, seq_len]; negative at padding.
    length_a, part_b, total = length_a[:, None], part_b[:, None], total[:, None]
    place = tf.range(seq_len)[None, :] - (seq_len - total)
    place_b = place - length_a - 1
    is_cls = place == total - 1
    in_a = place < length_a
    in_b = (place_b >= 0) & (place_b < part_b - 1)

    tokens = tf.where(in_b, _gather_rows(ids_b, place_b), SEP_ID)
    tokens = tf.where(in_a, _gather_rows(ids_a, place), tokens)
    tokens = tf.where(is_cls, CLS_ID, tokens)
    # A's SEP belongs to A, B's to B.
    segments = tf.where(place <= length_a, int(SegmentId.A), int(SegmentId.B))
    segments = tf.where(is_cls, int(SegmentId.CLS), segments)
    is_padding = place < 0
    return {
        "input_ids": tf.cast(tf.where(is_padding, PAD_INPUT_ID, tokens), tf.int64),
        "input_mask": tf.where(is_padding, MASKED, UNMASKED),
        "segment_ids": tf.cast(tf.where(is_padding, int(SegmentId.PAD), segments), tf.int64),
    }


def num_tokens(ids_a: tf.RaggedTensor, ids_b: tf.RaggedTensor) -> tf.Tensor:
    """Tokens of the records if nothing was cut; int64 [n], for the arguments of `pack`."""
    return ids_a.row_lengths() + _with_separator(ids_b.row_lengths()) + _SINGLE_SPECIALS


def truncated_lengths(
    length_a: tf.Tensor, length_b: tf.Tensor, seq_len: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Lengths after the longer text has lost one piece at a time, B where both are as long.

    That ends either with the shorter text whole, or with both at half of the room, A with the odd
    piece.

    Args:
        length_a: int32 [n].
        length_b: int32 [n], 0 where there is no second text.
        seq_len: length of the records, the special pieces included.

    Returns:
        The two lengths, int32 [n].
    """
    room = seq_len - _PAIR_SPECIALS
    pair_a = tf.minimum(length_a, tf.maximum(room - length_b, room - room // 2))
    pair_b = tf.minimum(length_b, tf.maximum(room - length_a, room // 2))
    single_a = tf.minimum(length_a, seq_len - _SINGLE_SPECIALS)
    return tf.where(length_b > 0, pair_a, single_a), pair_b


def _with_separator(length_b: tf.Tensor) -> tf.Tensor:
    """Lengths of second texts with the SEP behind them; 0 where there is no second text."""
    return length_b + tf.cast(length_b > 0, length_b.dtype)


def _gather_rows(ragged: tf.RaggedTensor, place: tf.Tensor) -> tf.Tensor:
    """Values at places within each row; anything where a place lies outside of its row."""
    # One more value, so that there is one to take where all rows are empty.
    values = tf.concat([ragged.flat_values, [0]], axis=0)
    index = tf.cast(ragged.row_starts(), tf.int32)[:, None] + place
    return tf.gather(values, tf.clip_by_value(index, 0, tf.size(values) - 1))
