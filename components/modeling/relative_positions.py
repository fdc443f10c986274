"""Relative position encodings (Transformer-XL, Dai et al. 2019, section 3.3 and appendix B).

With T tokens in the segment and S = mem_len + T keys, query i and key j lie at distance
mem_len + i - j. The R = T + S - 1 possible distances are encoded once for the whole batch, from
the largest (S - 1) down to the smallest (1 - T); row i of the raw scores against them is then
shifted so that column j shows the distance of key j.
"""

from __future__ import annotations

import abc
import dataclasses

import numpy as np
import tensorflow as tf

from components.modeling.fused_ops import leading_shape


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


class Alignment(abc.ABC):
    """Aligns raw scores against position encodings with keys, and back for the gradient."""

    @abc.abstractmethod
    def to_keys(self, raw: tf.Tensor) -> tf.Tensor:
        """[N, B, Q, R] → [N, B, Q, S]."""

    @abc.abstractmethod
    def from_keys(self, scores: tf.Tensor) -> tf.Tensor:
        """[N, B, Q, S] → [N, B, Q, R], zero where no key is: the transpose of `to_keys`."""


@dataclasses.dataclass(frozen=True)
class EveryPosition(Alignment):
    """For a query at each of the T positions: key j of query i is raw score T - 1 - i + j.

    Attributes:
        query_len: T.
        key_len: S.
    """

    query_len: int
    key_len: int

    def to_keys(self, raw: tf.Tensor) -> tf.Tensor:
        """Without a gather: element (i, j) is number T - 1 + i (R - 1) + j of the flat rows."""
        query_len, relative_len = self.query_len, self.query_len + self.key_len - 1
        lead = leading_shape(raw)[:-1]
        flat = tf.reshape(raw, [*lead, query_len * relative_len])[..., query_len - 1 : -1]
        return tf.reshape(flat, [*lead, query_len, relative_len - 1])[..., : self.key_len]

    def from_keys(self, scores: tf.Tensor) -> tf.Tensor:
        """The same steps backwards."""
        query_len, relative_len = self.query_len, self.query_len + self.key_len - 1
        lead = leading_shape(scores)[:-1]
        keep = [[0, 0]] * len(lead)
        rows = tf.pad(scores, [*keep, [0, 0], [0, relative_len - 1 - self.key_len]])
        flat = tf.reshape(rows, [*lead, query_len * (relative_len - 1)])
        flat = tf.pad(flat, [*keep, [query_len - 1, 1]])
        return tf.reshape(flat, [*lead, query_len, relative_len])


@dataclasses.dataclass(frozen=True)
class GivenPositions(Alignment):
    """For queries at given positions: key j of query p is raw score T - 1 - positions[p] + j.

    Attributes:
        positions: int32 [B, Q], each in [0, T).
        query_len: T.
        key_len: S.
    """

    positions: tf.Tensor
    query_len: int
    key_len: int

    def to_keys(self, raw: tf.Tensor) -> tf.Tensor:
        """A gather."""
        start = (self.query_len - 1 - self.positions)[..., None]
        return _gather_last(raw, start + tf.range(self.key_len))

    def from_keys(self, scores: tf.Tensor) -> tf.Tensor:
        """A gather as well: the scatter that TensorFlow would make of it is slow under XLA."""
        start = (self.query_len - 1 - self.positions)[..., None]
        source = tf.range(self.query_len + self.key_len - 1) - start
        inside = (source >= 0) & (source < self.key_len)
        gathered = _gather_last(scores, tf.clip_by_value(source, 0, self.key_len - 1))
        return tf.where(inside, gathered, tf.zeros([], scores.dtype))


def _gather_last(values: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """Values [N, B, P, X] at indices [B, P, Y] of the last axis → [N, B, P, Y]."""
    indices = tf.broadcast_to(indices, [*leading_shape(values), indices.shape[-1]])
    return tf.gather(values, indices, batch_dims=3, axis=3)
