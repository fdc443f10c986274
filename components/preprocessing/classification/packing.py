"""Piece ids of one or two texts to a classification record: `A SEP (B SEP) CLS`, padded left.

A multiple-choice record has such a sequence for each option: A the passage, B question and option.
"""

from __future__ import annotations

import tensorflow as tf

from components.preprocessing.classification.room import (
    PAIR_SPECIALS,
    SINGLE_SPECIALS,
    longest_question,
)
from components.records import MASKED, PAD_INPUT_ID, UNMASKED, SegmentId
from components.tokenization.special_ids import CLS_ID, SEP_ID

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
    length_a, length_b = truncated_lengths(_row_lengths(ids_a), _row_lengths(ids_b), seq_len)
    return _join(ids_a, length_a, ids_b, length_b, seq_len)


def pack_choices(
    ids_a: tf.RaggedTensor,
    ids_b: tf.RaggedTensor,
    seq_len: int,
    *,
    num_choices: int,
    max_qa_length: int,
) -> dict[str, tf.Tensor]:
    """Cuts, joins and pads a sequence for each option: B loses its beginning, then A its end.

    The published code (run_race.py) joins the same way, but lengthens the passage itself while it
    does: unless a passage fills the record, its later options come with the earlier ones in front
    of them. Here no option sees another.

    Args:
        ids_a: int32 [n, (pieces)], passages.
        ids_b: int32 [n * num_choices, (pieces)], questions with their options.
        seq_len: length of the sequences.
        num_choices: options per passage.
        max_qa_length: most pieces that are kept of a question with an option.

    Returns:
        As `pack`, each [n, num_choices, seq_len].

    Raises:
        ValueError: if `max_qa_length` leaves no room for a piece of the passage.
    """
    check_qa_length(max_qa_length, seq_len)
    num_examples = tf.cast(ids_a.nrows(), tf.int32)
    ids_a = tf.gather(ids_a, tf.repeat(tf.range(num_examples), num_choices))
    ids_b = ids_b[:, -max_qa_length:]
    length_b = _row_lengths(ids_b)
    length_a = tf.minimum(_row_lengths(ids_a), seq_len - PAIR_SPECIALS - length_b)
    packed = _join(ids_a, length_a, ids_b, length_b, seq_len)
    return {name: tf.reshape(value, [-1, num_choices, seq_len]) for name, value in packed.items()}


def check_qa_length(max_qa_length: int, seq_len: int) -> None:
    """Raises a ValueError if a question with an option can crowd out the passage."""
    longest = longest_question(seq_len)
    if not 1 <= max_qa_length <= longest:
        raise ValueError(
            f"max_qa_length must be between 1 and {longest} (seq_len {seq_len} less three special "
            f"pieces and one of the passage), but is {max_qa_length}."
        )


def _row_lengths(ids: tf.RaggedTensor) -> tf.Tensor:
    return tf.cast(ids.row_lengths(), tf.int32)


def _join(
    ids_a: tf.RaggedTensor,
    length_a: tf.Tensor,
    ids_b: tf.RaggedTensor,
    length_b: tf.Tensor,
    seq_len: int,
) -> dict[str, tf.Tensor]:
    """Sequences of the first pieces of both texts, in numbers that fit."""
    part_b = _with_separator(length_b)
    total = length_a + part_b + SINGLE_SPECIALS

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


def num_tokens(
    ids_a: tf.RaggedTensor, ids_b: tf.RaggedTensor, *, num_choices: int | None = None
) -> tf.Tensor:
    """Tokens of the records if nothing was cut; int64 [n].

    Args:
        ids_a: as `pack` or `pack_choices` takes them.
        ids_b: likewise.
        num_choices: of `pack_choices`, of which the longest sequence counts; None for `pack`.
    """
    length_b = _with_separator(ids_b.row_lengths())
    if num_choices is not None:
        length_b = tf.reduce_max(tf.reshape(length_b, [-1, num_choices]), 1)
    return ids_a.row_lengths() + length_b + SINGLE_SPECIALS


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
    room = seq_len - PAIR_SPECIALS
    pair_a = tf.minimum(length_a, tf.maximum(room - length_b, room - room // 2))
    pair_b = tf.minimum(length_b, tf.maximum(room - length_a, room // 2))
    single_a = tf.minimum(length_a, seq_len - SINGLE_SPECIALS)
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
