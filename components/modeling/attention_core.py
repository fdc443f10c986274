"""Scores, softmax and weighted sum of relative attention, with a hand-written gradient.

The backward pass keeps only the arguments, the probabilities and the result. The gradient of a
softmax needs, for each query, the sum over all keys of a probability times its gradient. That sum
equals the dot product of the result and its gradient (Dao et al. 2022, FlashAttention, appendix
B.2), which runs over fewer elements.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from components.modeling.angles import Angles
from components.modeling.dropout import dropout
from components.modeling.fused_ops import sum_of_columns
from components.modeling.program import CPU, Program, leading_shape, shape_of
from components.modeling.relative_positions import Alignment


@dataclasses.dataclass(frozen=True)
class Stream:
    """Masks and positions of a stream, which are the same in all layers.

    Attributes:
        alignment: maps raw position scores to scores of the keys, or gives the angles that
            position scores are computed from.
        bias: [B, Q, S], additive attention mask in the dtype of the softmax, or None.
        other_segment: [B, Q, S] in the compute dtype, 1 where query and key are in different
            segments and 0 elsewhere; None without segments. It is a factor and not a boolean,
            because CPUs multiply much faster than they select.
        valid: [B, Q, 1] in the compute dtype, 0 where a query is padding and else 1; None if there
            is no padding.
    """

    alignment: Alignment | Angles
    bias: tf.Tensor | None
    other_segment: tf.Tensor | None
    valid: tf.Tensor | None = None


@dataclasses.dataclass(frozen=True)
class Biases:
    """A layer's biases, in the compute dtype.

    Attributes:
        content: `r_w_bias` [N, Dh], added to queries before they are multiplied by keys.
        position: `r_r_bias` [N, Dh], added to queries before they are multiplied by position
            encodings.
        segment: `r_s_bias` [N, Dh], added to queries before they are multiplied by segment
            encodings.
        segment_embedding: `seg_embed` [2, N, Dh], encodings of the same and of another segment.
    """

    content: tf.Tensor
    position: tf.Tensor
    segment: tf.Tensor
    segment_embedding: tf.Tensor

    @property
    def segment_difference(self) -> tf.Tensor:
        """The encoding of another segment minus that of the same one, [N, Dh]."""
        return self.segment_embedding[1] - self.segment_embedding[0]


def segment_scores(
    stream: Stream, queries: tf.Tensor, segment: tf.Tensor, difference: tf.Tensor
) -> tf.Tensor:
    """Returns what the scores [N, B, Q, S] get for keys of another segment than the query's.

    A score that is the same for all keys cancels in the softmax, so only the difference between the
    two segment scores matters.

    Args:
        stream: masks of the stream, with segments.
        queries: [N, B, Q, Dh].
        segment: bias of the queries [N, Dh].
        difference: [N, Dh], embedding of another segment minus that of the same one.
    """
    other = sum_of_columns(biased(queries, segment) * difference[:, None, None, :])
    return other * stream.other_segment


def segment_gradients(
    stream: Stream,
    of_scores: tf.Tensor,
    queries: tf.Tensor,
    segment: tf.Tensor,
    difference: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the gradients of `segment_scores`' queries and, before its sum, of the difference.

    Both are [N, B, Q, Dh]. The gradient of `segment` is the sum of the first over rows and queries,
    that of `difference` the sum of the second.
    """
    of_other = sum_of_columns(of_scores * stream.other_segment) * score_scale(queries)
    return (
        of_other * difference[:, None, None, :],
        of_other * (queries + segment[:, None, None, :]),
    )


def score_scale(queries: tf.Tensor) -> float:
    """Returns the factor of all scores, by the width of the queries [N, B, Q, Dh]."""
    return queries.shape[-1] ** -0.5


def biased(queries: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Adds a bias [N, Dh] to queries [N, B, Q, Dh], and scales them for the scores."""
    return (queries + bias[:, None, None, :]) * score_scale(queries)


def relative_attention(
    queries: tf.Tensor,
    keys: tf.Tensor,
    values: tf.Tensor,
    position_keys: tf.Tensor,
    biases: Biases,
    stream: Stream,
    *,
    softmax_dtype: str,
    rate: float,
    seed: tf.Tensor | None,
    program: Program = CPU,
) -> tf.Tensor:
    """Computes attention with content, position and segment scores (paper sections 2.4 and 2.5).

    Args:
        queries: [N, B, Q, Dh].
        keys: [N, B, S, Dh].
        values: [N, B, S, Dh].
        position_keys: [N, G, R, Dh], projected position encodings: one group for all rows, or one
            for each half of the batch.
        biases: attention biases of this layer.
        stream: masks and positions of the stream.
        softmax_dtype: dtype of the softmax.
        rate: fraction of the probabilities to drop.
        seed: dropout seed of this place, or None for no dropout.
        program: form of the network.

    Returns:
        [N, B, Q, Dh].
    """
    scale = score_scale(queries)
    dtype = queries.dtype
    num_distances = shape_of(position_keys)[2]

    def bias_gradient(of_queries: tf.Tensor) -> tf.Tensor:
        n_head, d_head = of_queries.shape[0], of_queries.shape[-1]
        return program.sum_of_rows(tf.reshape(of_queries, [n_head, -1, d_head]))

    @program.differentiable
    def attend(queries, keys, values, position_keys, content, position, segment, difference):
        by_content = biased(queries, content)
        by_position = _stacked(biased(queries, position), position_keys)
        raw = tf.matmul(by_position, position_keys, transpose_b=True)
        raw = tf.reshape(raw, [*leading_shape(queries), num_distances])
        added = tf.cast(stream.alignment.to_keys(raw), softmax_dtype)
        if stream.other_segment is not None:
            by_segment = segment_scores(stream, queries, segment, difference)
            added += tf.cast(by_segment, softmax_dtype)
        if stream.bias is not None:
            added += stream.bias
        scores = tf.cast(tf.matmul(by_content, keys, transpose_b=True), softmax_dtype) + added
        probabilities = tf.cast(tf.nn.softmax(scores, axis=-1), dtype)
        result = tf.matmul(dropout(probabilities, rate, seed), values)

        def gradient(upstream: tf.Tensor):
            of_values = tf.matmul(dropout(probabilities, rate, seed), upstream, transpose_a=True)
            of_dropped = tf.matmul(upstream, values, transpose_b=True)
            mean = sum_of_columns(upstream * result)
            of_scores = probabilities * (dropout(of_dropped, rate, seed) - mean)
            of_content = tf.matmul(of_scores, keys) * scale
            of_keys = tf.matmul(of_scores, by_content, transpose_a=True)
            of_raw = tf.reshape(
                stream.alignment.from_keys(of_scores),
                [*leading_shape(by_position), num_distances],
            )
            of_position = tf.reshape(tf.matmul(of_raw, position_keys) * scale, tf.shape(queries))
            of_position_keys = tf.matmul(of_raw, by_position, transpose_a=True)
            of_queries = of_content + of_position
            of_segment = tf.zeros_like(segment)
            of_difference = tf.zeros_like(difference)
            if stream.other_segment is not None:
                of_by_segment, of_by_difference = segment_gradients(
                    stream, of_scores, queries, segment, difference
                )
                of_queries += of_by_segment
                of_segment = bias_gradient(of_by_segment)
                of_difference = bias_gradient(of_by_difference)
            return (
                of_queries,
                of_keys,
                of_values,
                of_position_keys,
                bias_gradient(of_content),
                bias_gradient(of_position),
                of_segment,
                of_difference,
            )

        return result, gradient

    return attend(
        queries,
        keys,
        values,
        position_keys,
        biases.content,
        biases.position,
        biases.segment,
        biases.segment_difference,
    )


def _stacked(queries: tf.Tensor, position_keys: tf.Tensor) -> tf.Tensor:
    """Reshapes [N, B, Q, Dh] to [N, G, B / G * Q, Dh] and groups rows by their position keys."""
    n_head, groups, _, d_head = position_keys.shape
    rows, query_len = leading_shape(queries)[1:]
    return tf.reshape(queries, [n_head, groups, rows // groups * query_len, d_head])
