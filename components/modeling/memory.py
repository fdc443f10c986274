"""The memory that a segment leaves for the next one (paper section 2.5)."""

from __future__ import annotations

import tensorflow as tf


def next_memory(
    hidden: tf.Tensor, memory: tf.Tensor | None, *, mem_len: int, reuse_len: int
) -> tf.Tensor:
    """Returns the last `mem_len` tokens of memory and segment, with gradients stopped.

    Args:
        hidden: [B, T, d_model], input of a layer.
        memory: [B, M, d_model], memory so far, or None if there is none yet.
        mem_len: number of tokens to keep.
        reuse_len: number of tokens at the beginning of the segment that enter the memory, because
            the next segment begins after them; 0 means all of them.

    Returns:
        [B, min(mem_len, M + T or M + reuse_len), d_model].
    """
    kept = hidden[:, :reuse_len] if reuse_len > 0 else hidden
    if memory is not None:
        kept = tf.concat([memory, kept], axis=1)
    return tf.stop_gradient(kept[:, -mem_len:])
