"""Relative position encodings (Transformer-XL, Dai et al. 2019, section 3.3 and appendix B).

With T tokens in the segment and S = mem_len + T keys, query i and key j lie at distance
mem_len + i - j. The R = T + S - 1 possible distances are encoded once for the whole batch, from
the largest (S - 1) down to the smallest (1 - T); row i of the raw scores against them is then
shifted so that column j shows the distance of key j.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from components.modeling.variables import leading_shape


def position_encodings(
    *, query_len: int, key_len: int, d_model: int, bi_data: bool, clamp_len: int
) -> np.ndarray:
    """Sinusoid encodings of all relative distances, as float64.

    Args:
        query_len: T.
        key_len: S.
        d_model: width.
        bi_data: whether to add the encodings for backward sequences, whose distances have the
            other sign.
        clamp_len: distances are clipped to ±clamp_len; -1 for none.

    Returns:
        [G, T + S - 1, d_model], G = 2 (forward, backward) with `bi_data`, else 1. First half
        sines, second half cosines, as published.
    """
    distances = np.arange(key_len - 1, -query_len, -1, dtype=np.float64)
    directions = np.stack([distances, -distances] if bi_data else [distances])
    if clamp_len > 0:
        directions = np.clip(directions, -clamp_len, clamp_len)
    frequencies = 1.0 / 10000.0 ** (np.arange(0, d_model, 2, dtype=np.float64) / d_model)
    angles = directions[:, :, None] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)


def shift_all(scores: tf.Tensor, key_len: int) -> tf.Tensor:
    """Aligns raw position scores with keys, for a query at each of the T positions.

    Args:
        scores: [..., T, R] with R = T + S - 1.
        key_len: S.

    Returns:
        [..., T, S], where out[..., i, j] = scores[..., i, T - 1 - i + j].
    """
    query_len, relative_len = scores.shape[-2], scores.shape[-1]
    lead = leading_shape(scores)[:-1]
    # Element (i, j) lies at T - 1 + i (R - 1) + j of the flattened rows: rows of R - 1.
    flat = tf.reshape(scores, [*lead, query_len * relative_len])
    flat = flat[..., query_len - 1 : query_len - 1 + query_len * (relative_len - 1)]
    rows = tf.reshape(flat, [*lead, query_len, relative_len - 1])
    return rows[..., :key_len]


def shift_at(scores: tf.Tensor, positions: tf.Tensor, *, query_len: int, key_len: int) -> tf.Tensor:
    """Aligns raw position scores with keys, for queries at given positions.

    Args:
        scores: [N, B, P, R] with R = T + S - 1.
        positions: int32 [B, P], each in [0, T).
        query_len: T.
        key_len: S.

    Returns:
        [N, B, P, S], where out[n, b, p, j] = scores[n, b, p, T - 1 - positions[b, p] + j].
    """
    relative_len = scores.shape[-1]
    start = (query_len - 1 - positions)[..., None]

    @tf.custom_gradient
    def shift(values: tf.Tensor):
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            # The inverse shift is a gather as well; a scatter would be slow under XLA.
            source = tf.range(relative_len) - start
            inside = (source >= 0) & (source < key_len)
            gathered = _gather_last(upstream, tf.clip_by_value(source, 0, key_len - 1))
            return tf.where(inside, gathered, tf.zeros([], upstream.dtype))

        return _gather_last(values, start + tf.range(key_len)), gradient

    return shift(scores)


def _gather_last(values: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """Values [N, B, P, X] at indices [B, P, Y] of the last axis → [N, B, P, Y]."""
    indices = tf.broadcast_to(indices, [*leading_shape(values), indices.shape[-1]])
    return tf.gather(values, indices, batch_dims=3, axis=3)
