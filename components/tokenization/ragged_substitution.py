"""Replaces each value of a ragged tensor by a sequence of values from a table."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def substitute(
    ragged: tf.RaggedTensor,
    entries: tf.Tensor,
    *,
    starts: np.ndarray,
    lengths: np.ndarray,
    values: np.ndarray,
    keeps_entry_0: bool = False,
) -> tf.RaggedTensor:
    """Replaces each value by the sequence of its table entry; rows grow and shrink accordingly.

    Args:
        ragged: int32 or string [n, (m)], the values to replace.
        entries: int32 [number of values in `ragged`], the table entry of each value.
        starts: int32 [entries of the table], where the sequence of each entry begins in `values`.
        lengths: int32 [entries of the table], the length of each sequence; 0 removes the value.
        values: all sequences, concatenated, with the dtype of `ragged`.
        keeps_entry_0: whether values with entry 0 stay unchanged (the length of entry 0 must be 1).

    Returns:
        [n, (m')], with the dtype of `ragged`.
    """
    sizes = tf.gather(lengths, entries)
    ends = tf.cumsum(sizes)
    parents = tf.repeat(tf.range(tf.size(sizes)), sizes)
    within = tf.range(tf.size(parents)) - tf.gather(ends - sizes, parents)
    parent_entries = tf.gather(entries, parents)
    replaced = tf.gather(values, tf.gather(starts, parent_entries) + within)
    if keeps_entry_0:
        kept = tf.gather(ragged.flat_values, parents)
        replaced = tf.where(parent_entries == 0, kept, replaced)
    boundaries = tf.cast(tf.concat([[0], ends], axis=0), ragged.row_splits.dtype)
    return tf.RaggedTensor.from_row_splits(
        replaced, tf.gather(boundaries, ragged.row_splits), validate=False
    )
