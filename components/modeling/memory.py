"""What a segment leaves behind for the next one (paper section 2.5)."""

from __future__ import annotations

import tensorflow as tf


def next_memory(
    hidden: tf.Tensor, memory: tf.Tensor | None, *, mem_len: int, reuse_len: int
) -> tf.Tensor:
    """The last `mem_len` tokens of memory and segment, without gradient.

    Args:
        hidden: [B, T, d_model], what a layer gets as input.
        memory: [B, M, d_model], or None for none yet.
        mem_len: tokens to keep.
        reuse_len: only the first `reuse_len` tokens of the segment are kept, because the next
            segment begins there; 0 keeps all.

    Returns:
        [B, min(mem_len, M + T or M + reuse_len), d_model].
    """
    kept = hidden[:, :reuse_len] if reuse_len > 0 else hidden
    if memory is not None:
        kept = tf.concat([memory, kept], axis=1)
    return tf.stop_gradient(kept[:, -mem_len:])
