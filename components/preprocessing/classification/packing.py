"""Packs piece ids of one or two texts into a record: `A SEP (B SEP) CLS`, padded on the left.

A multiple-choice record has one such sequence per option, in which A is the passage, and B is the
question combined with the option.
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

# Room for one piece, SEP and CLS.
MIN_SEQ_LEN = 3


def pack(ids_a: tf.RaggedTensor, ids_b: tf.RaggedTensor, seq_len: int) -> dict[str, tf.Tensor]:
    """Packs texts, or pairs of texts, into records; texts that are too long are cut.

    Args:
        ids_a: int32 [n, (pieces)], first texts.
        ids_b: int32 [n, (pieces)], second texts; an empty row if an example has none.
        seq_len: length of the records.

    Returns:
        input_ids, int64 [n, seq_len]; input_mask, float32 [n, seq_len], 1 at padding; segment_ids,
        int64 [n, seq_len].

    Raises:
        ValueError: if `seq_len` leaves no room for a piece of text.
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
    """Packs a passage with each of its options into a sequence.

    If they are too long, B loses its beginning, and then A its end.

    Departure from the published code: run_race.py joins the texts in the same way, but by mistake
    appends to the passage itself. Unless a passage fills the record, its later options are
    therefore preceded by the earlier ones. Here, each option is independent of the others.

    Args:
        ids_a: int32 [n, (pieces)], passages.
        ids_b: int32 [n * num_choices, (pieces)], questions combined with their options.
        seq_len: length of the sequences.
        num_choices: number of options per passage.
        max_qa_length: maximum number of pieces that are kept of a question with an option.

    Returns:
        The same features as `pack`, each [n, num_choices, seq_len].

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
    """Raises a ValueError if a question with an option could leave no room for the passage."""
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
    """Joins the first `length_a` and `length_b` pieces of both texts into padded sequences."""
    part_b = _with_separator(length_b)
    total = length_a + part_b + SINGLE_SPECIALS

    # Lengths are now columns, [n, 1]. Places are positions within the unpadded record, [n,
    # seq_len], and negative at padding.
    length_a, part_b, total = length_a[:, None], part_b[:, None], total[:, None]
    place = tf.range(seq_len)[None, :] - (seq_len - total)
    place_b = place - length_a - 1
    is_cls = place == total - 1
    in_a = place < length_a
    in_b = (place_b >= 0) & (place_b < part_b - 1)

    tokens = tf.where(in_b, _gather_rows(ids_b, place_b), SEP_ID)
    tokens = tf.where(in_a, _gather_rows(ids_a, place), tokens)
    tokens = tf.where(is_cls, CLS_ID, tokens)
    # Each SEP belongs to the segment of the text before it.
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
    """Returns the number of tokens that each record would have if nothing were cut; int64 [n].

    Args:
        ids_a: first texts, as for `pack` or `pack_choices`.
        ids_b: second texts, as for `pack` or `pack_choices`.
        num_choices: number of options for `pack_choices`, of whose sequences the longest counts;
            None for `pack`.
    """
    length_b = _with_separator(ids_b.row_lengths())
    if num_choices is not None:
        length_b = tf.reduce_max(tf.reshape(length_b, [-1, num_choices]), 1)
    return ids_a.row_lengths() + length_b + SINGLE_SPECIALS


def truncated_lengths(
    length_a: tf.Tensor, length_b: tf.Tensor, seq_len: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the lengths of both texts after they have been cut to fit into a record.

    As published, the longer text loses one piece at a time until both fit, or B if they are equally
    long. In the end, either the shorter text is complete, or each has half of the room (and A one
    more piece, if the room is odd), which is computed here directly.

    Args:
        length_a: int32 [n], lengths of the first texts.
        length_b: int32 [n], lengths of the second texts; 0 if there is none.
        seq_len: length of the records, including the special pieces.

    Returns:
        The two new lengths, each int32 [n].
    """
    room = seq_len - PAIR_SPECIALS
    pair_a = tf.minimum(length_a, tf.maximum(room - length_b, room - room // 2))
    pair_b = tf.minimum(length_b, tf.maximum(room - length_a, room // 2))
    single_a = tf.minimum(length_a, seq_len - SINGLE_SPECIALS)
    return tf.where(length_b > 0, pair_a, single_a), pair_b


def _with_separator(length_b: tf.Tensor) -> tf.Tensor:
    """Adds the SEP after each second text to its length; 0 stays 0, because there is no text."""
    return length_b + tf.cast(length_b > 0, length_b.dtype)


def _gather_rows(ragged: tf.RaggedTensor, place: tf.Tensor) -> tf.Tensor:
    """Looks up the values at places within each row; arbitrary values for places outside of it."""
    # The additional value is needed if all rows are empty.
    values = tf.concat([ragged.flat_values, [0]], axis=0)
    index = tf.cast(ragged.row_starts(), tf.int32)[:, None] + place
    return tf.gather(values, tf.clip_by_value(index, 0, tf.size(values) - 1))
