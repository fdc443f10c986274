"""Relative position encodings (Transformer-XL, Dai et al. 2019, section 3.3 and appendix B).

With T tokens in the segment and S = mem_len + T keys, the distance between query i and key j is
mem_len + i - j. The R = T + S - 1 possible distances are encoded once for the whole batch, from the
largest (S - 1) down to the smallest (1 - T). The queries are scored against these encodings, and
row i of the raw scores is then shifted so that column j belongs to the distance of key j.
"""

from __future__ import annotations

import abc
import dataclasses

import numpy as np
import tensorflow as tf

from components.modeling.program import leading_shape


def position_encodings(
    *, query_len: int, key_len: int, d_model: int, bi_data: bool, clamp_len: int
) -> np.ndarray:
    """Returns the sinusoidal encodings of all relative distances, as float64.

    Args:
        query_len: number of tokens in the segment (T).
        key_len: number of keys, that is, memory and segment (S).
        d_model: width of the encodings.
        bi_data: whether to add the encodings for backward sequences, whose distances have the
            opposite sign.
        clamp_len: distances are clipped to ±clamp_len; -1 does not clip.

    Returns:
        [G, T + S - 1, d_model], where G is 2 (forward, backward) with `bi_data` and else 1. As
        published, the first half of an encoding consists of sines and the second of cosines.
    """
    distances = np.arange(key_len - 1, -query_len, -1, dtype=np.float64)
    directions = np.stack([distances, -distances] if bi_data else [distances])
    if clamp_len > 0:
        directions = np.clip(directions, -clamp_len, clamp_len)
    frequencies = 1.0 / 10000.0 ** (np.arange(0, d_model, 2, dtype=np.float64) / d_model)
    angles = directions[:, :, None] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)


class Alignment(abc.ABC):
    """Maps raw scores of position encodings to keys, and back for the gradient."""

    @abc.abstractmethod
    def to_keys(self, raw: tf.Tensor) -> tf.Tensor:
        """Maps raw scores [N, B, Q, R] to scores of the keys [N, B, Q, S]."""

    @abc.abstractmethod
    def from_keys(self, scores: tf.Tensor) -> tf.Tensor:
        """Maps [N, B, Q, S] to [N, B, Q, R], the transpose of `to_keys`; zero where no key is."""


@dataclasses.dataclass(frozen=True)
class EveryPosition(Alignment):
    """For queries at all T positions: the score of key j for query i is raw score T - 1 - i + j.

    Attributes:
        query_len: number of queries (T).
        key_len: number of keys (S).
    """

    query_len: int | tf.Tensor
    key_len: int | tf.Tensor

    def to_keys(self, raw: tf.Tensor) -> tf.Tensor:
        """Shifts the rows by reshaping, without a gather.

        Element (i, j) of the result is element T - 1 + i (R - 1) + j of the flattened rows.
        """
        query_len, relative_len = self.query_len, self.query_len + self.key_len - 1
        lead = leading_shape(raw)[:-1]
        flat = tf.reshape(raw, [*lead, query_len * relative_len])[..., query_len - 1 : -1]
        return tf.reshape(flat, [*lead, query_len, relative_len - 1])[..., : self.key_len]

    def from_keys(self, scores: tf.Tensor) -> tf.Tensor:
        """Undoes the steps of `to_keys` in reverse order."""
        query_len, relative_len = self.query_len, self.query_len + self.key_len - 1
        lead = leading_shape(scores)[:-1]
        keep = [[0, 0]] * len(lead)
        rows = tf.pad(scores, [*keep, [0, 0], [0, relative_len - 1 - self.key_len]])
        flat = tf.reshape(rows, [*lead, query_len * (relative_len - 1)])
        flat = tf.pad(flat, [*keep, [query_len - 1, 1]])
        return tf.reshape(flat, [*lead, query_len, relative_len])


@dataclasses.dataclass(frozen=True)
class GivenPositions(Alignment):
    """For queries at given positions: key j of query p has raw score T - 1 - positions[p] + j.

    Attributes:
        positions: int32 [B, Q], positions of the queries, each in [0, T).
        query_len: number of tokens in the segment (T).
        key_len: number of keys (S).
    """

    positions: tf.Tensor
    query_len: int
    key_len: int

    def to_keys(self, raw: tf.Tensor) -> tf.Tensor:
        """Gathers the raw scores that belong to the keys."""
        start = (self.query_len - 1 - self.positions)[..., None]
        return _gather_last(raw, start + tf.range(self.key_len))

    def from_keys(self, scores: tf.Tensor) -> tf.Tensor:
        """Also gathers, because the scatter that TensorFlow would derive is slow under XLA."""
        start = (self.query_len - 1 - self.positions)[..., None]
        source = tf.range(self.query_len + self.key_len - 1) - start
        inside = (source >= 0) & (source < self.key_len)
        gathered = _gather_last(scores, tf.clip_by_value(source, 0, self.key_len - 1))
        return tf.where(inside, gathered, tf.zeros([], scores.dtype))


def _gather_last(values: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """Returns the values [N, B, P, X] at indices [B, P, Y] of the last axis, [N, B, P, Y]."""
    indices = tf.broadcast_to(indices, [*leading_shape(values), indices.shape[-1]])
    return tf.gather(values, indices, batch_dims=3, axis=3)
