"""Attention masks in the form of additive biases, which are made once for all layers."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

# As published. It is so large that the score it is added to vanishes in float32 and float64, so a
# query that may not attend to anything attends evenly to everything.
_FORBIDDEN = -1e30


def attention_biases(
    *,
    input_mask: tf.Tensor | None,
    perm_mask: tf.Tensor | None,
    batch_size: tf.Tensor | int,
    query_len: int | tf.Tensor,
    mem_len: int,
    attn_type: str,
    same_length: bool,
    dtype: tf.DType,
    numbers: Callable[[int | tf.Tensor], tf.Tensor] = tf.range,
) -> tuple[tf.Tensor | None, tf.Tensor | None]:
    """Returns the biases of both streams: 0 where attention is allowed and -1e30 elsewhere.

    All queries may attend to the memory (except with `same_length`), and the content stream always
    sees its own token.

    Args:
        input_mask: [B, T], greater than 0 at keys that are padding, or None.
        perm_mask: [B, T, T], greater than 0 where query i may not attend to key j, or None.
        batch_size: number of rows (B).
        query_len: number of tokens in the segment (T).
        mem_len: number of tokens of memory in front of the keys (M).
        attn_type: "bi", or "uni" for attention to the left only.
        same_length: with "uni", whether later queries lose sight of the earliest keys, so that
            every query attends equally far back.
        dtype: dtype of the biases.
        numbers: returns 0, …, n - 1 for a number n.

    Returns:
        (content, query): biases of each stream, [B, T, M + T], or None if everything is allowed.
    """
    if input_mask is None and perm_mask is None and attn_type == "bi":
        return None, None
    forbidden = tf.zeros([batch_size, query_len, query_len], tf.bool)
    if input_mask is not None:
        forbidden |= (input_mask > 0)[:, None, :]
    if perm_mask is not None:
        forbidden |= perm_mask > 0
    memory = tf.zeros([batch_size, query_len, mem_len], tf.bool)
    row = numbers(query_len)[:, None]
    if attn_type == "uni":
        forbidden |= numbers(query_len) > row
    query = tf.concat([memory, forbidden], axis=-1)
    if attn_type == "uni" and same_length:
        # The published rule forbids everything below the diagonal of the first T keys, whether they
        # are memory or not.
        query |= numbers(mem_len + query_len) < row
    itself = numbers(mem_len + query_len) == row + mem_len
    content = query & ~itself
    return tuple(
        tf.where(mask, tf.constant(_FORBIDDEN, dtype), tf.zeros([], dtype))
        for mask in (content, query)
    )
