"""Two-stream attention with relative positions and segments (paper sections 2.3-2.6)."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.dropout import dropout
from components.modeling.layer_norm import LayerNorm
from components.modeling.relative_positions import shift_all, shift_at
from components.modeling.variables import NamedLayer, leading_shape, project


@dataclasses.dataclass(frozen=True)
class Biases:
    """A layer's biases, in the compute dtype.

    Attributes:
        content: `r_w_bias` [N, Dh], added to queries that meet keys.
        position: `r_r_bias` [N, Dh], added to queries that meet position encodings.
        segment: `r_s_bias` [N, Dh], added to queries that meet segment encodings.
        segment_embedding: `seg_embed` [2, N, Dh]: same segment, other segment.
    """

    content: tf.Tensor
    position: tf.Tensor
    segment: tf.Tensor
    segment_embedding: tf.Tensor


@dataclasses.dataclass(frozen=True)
class Stream:
    """What a stream brings to all layers.

    Attributes:
        bias: [B, Q, S] additive attention mask in the softmax's dtype, or None.
        other_segment: bool [B, Q, S], true where query and key lie in different segments, or
            None without segments.
        positions: int32 [B, P] of the queries; None if query i is at position i.
        valid: [B, P, 1] in the compute dtype, 0 where a query is padding, or None.
    """

    bias: tf.Tensor | None
    other_segment: tf.Tensor | None
    positions: tf.Tensor | None = None
    valid: tf.Tensor | None = None


class RelativeAttention(NamedLayer):
    """Relative multi-head attention; both streams use the same kernels, keys and values.

    Variables: `<name>/{q,k,v,r,o}/kernel` [d_model, n_head, d_head] and `<name>/LayerNorm`.
    Inside, tensors are laid out heads first, [N, B, T, Dh], so that position scores of all rows
    of the batch are one matrix product per head.
    """

    def __init__(self, config: XLNetConfig, options: ModelOptions, name: str) -> None:
        super().__init__(options)
        self.config = config
        shape = [config.d_model, config.n_head, config.d_head]
        for letter in "qkvro":
            setattr(self, letter, self.variable(f"{name}/{letter}/kernel", shape))
        self.layer_norm = LayerNorm(options, f"{name}/LayerNorm", config.d_model)

    def heads(self, inputs: tf.Tensor, kernel: tf.Variable) -> tf.Tensor:
        """[A, L, d_model] → [N, A, L, Dh]."""
        n_head, d_head = self.config.n_head, self.config.d_head
        matrix = tf.reshape(self.cast(kernel), [self.config.d_model, n_head * d_head])
        outputs = tf.reshape(project(inputs, matrix), [*leading_shape(inputs), n_head, d_head])
        return tf.transpose(outputs, [2, 0, 1, 3])

    def output(
        self, vectors: tf.Tensor, inputs: tf.Tensor, seed: tf.Tensor | None, site: int
    ) -> tf.Tensor:
        """Projects [N, B, Q, Dh] back to [B, Q, d_model] and adds the residual."""
        n_head, d_head = self.config.n_head, self.config.d_head
        joined = tf.transpose(vectors, [1, 2, 0, 3])
        joined = tf.reshape(joined, [*leading_shape(inputs), n_head * d_head])
        matrix = tf.reshape(self.cast(self.o), [self.config.d_model, n_head * d_head])
        projected = project(joined, matrix, transpose=True)
        return self.layer_norm(inputs + dropout(projected, self.options.dropout, seed, site))

    def attend(
        self,
        queries: tf.Tensor,
        keys: tf.Tensor,
        values: tf.Tensor,
        position_keys: tf.Tensor,
        biases: Biases,
        stream: Stream,
        seed: tf.Tensor | None,
        site: int,
    ) -> tf.Tensor:
        """Attention of one stream.

        Args:
            queries: [N, B, Q, Dh].
            keys: [N, B, S, Dh].
            values: [N, B, S, Dh].
            position_keys: [N, G, R, Dh].
            biases: of this layer.
            stream: masks and positions.
            seed: dropout seed or None.
            site: number of the dropout of the probabilities.

        Returns:
            [N, B, Q, Dh].
        """
        scale = self.config.d_head**-0.5
        wide = self.options.variable_dtype
        key_len = keys.shape[2]

        def biased(bias: tf.Tensor) -> tf.Tensor:
            return (queries + bias[:, None, None, :]) * scale

        scores = tf.matmul(biased(biases.content), keys, transpose_b=True)
        raw = _position_scores(biased(biases.position), position_keys)
        if stream.positions is None:
            scores += shift_all(raw, key_len)
        else:
            query_len = position_keys.shape[2] + 1 - key_len
            scores += shift_at(raw, stream.positions, query_len=query_len, key_len=key_len)
        if stream.other_segment is not None:
            # A score that is the same for all keys cancels in the softmax, so of the two segment
            # scores only their difference counts.
            difference = biases.segment_embedding[1] - biases.segment_embedding[0]
            other = tf.reduce_sum(
                biased(biases.segment) * difference[:, None, None, :], axis=-1, keepdims=True
            )
            scores += tf.where(stream.other_segment, other, tf.zeros([], other.dtype))
        scores = tf.cast(scores, wide)
        if stream.bias is not None:
            scores += stream.bias
        probabilities = self.cast(tf.nn.softmax(scores, axis=-1))
        probabilities = dropout(probabilities, self.options.dropout_att, seed, site)
        return tf.matmul(probabilities, values)

    def call(
        self,
        hidden: tf.Tensor,
        query_hidden: tf.Tensor | None,
        memory: tf.Tensor | None,
        encodings: tf.Tensor,
        biases: Biases,
        content: Stream,
        query: Stream | None,
        seed: tf.Tensor | None,
        site: int,
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Attention of the content stream and, if there is one, the query stream.

        Args:
            hidden: [B, T, d_model].
            query_hidden: [B, P, d_model] or None.
            memory: [B, M, d_model] or None.
            encodings: [G, R, d_model] position encodings.
            biases: of this layer.
            content: masks of the content stream.
            query: masks and positions of the query stream, or None.
            seed: dropout seed or None.
            site: number of the first of this layer's four dropouts.

        Returns:
            new hidden states of both streams.
        """
        context = hidden if memory is None else tf.concat([memory, hidden], axis=1)
        keys = self.heads(context, self.k)
        values = self.heads(context, self.v)
        position_keys = self.heads(encodings, self.r)
        shared = (keys, values, position_keys, biases)
        vectors = self.attend(self.heads(hidden, self.q), *shared, content, seed, site)
        new_hidden = self.output(vectors, hidden, seed, site + 1)
        if query_hidden is None:
            return new_hidden, None
        vectors = self.attend(self.heads(query_hidden, self.q), *shared, query, seed, site + 2)
        if query.valid is not None:
            vectors *= query.valid
        return new_hidden, self.output(vectors, query_hidden, seed, site + 3)


def _position_scores(queries: tf.Tensor, position_keys: tf.Tensor) -> tf.Tensor:
    """Raw scores [N, B, Q, R] of [N, B, Q, Dh] against [N, G, R, Dh].

    Position keys are the same for all rows of a direction, so these rows' queries are stacked
    into one matrix.
    """
    n_head, groups, relative_len, d_head = position_keys.shape
    rows, query_len = leading_shape(queries)[1:]
    stacked = tf.reshape(queries, [n_head, groups, rows // groups * query_len, d_head])
    scores = tf.matmul(stacked, position_keys, transpose_b=True)
    return tf.reshape(scores, [n_head, rows, query_len, relative_len])
