"""Two-stream attention with relative positions and segments (paper sections 2.3-2.6)."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import tensorflow as tf

from components.modeling.angle_attention import attention_by_angles
from components.modeling.angles import PositionWeights
from components.modeling.attention_core import Biases, Stream, relative_attention
from components.modeling.config import ModelOptions, ServingOptions, XLNetConfig
from components.modeling.fused_ops import project
from components.modeling.layer_norm import LayerNorm
from components.modeling.program import ACCELERATOR, leading_shape, shape_of
from components.modeling.variables import NamedLayer


class RelativeAttention(NamedLayer):
    """Relative multi-head attention; both streams use the same kernels, keys and values.

    The variables are `<name>/{q,k,v,r,o}/kernel` [d_model, n_head, d_head] and `<name>/LayerNorm`.
    Internally, tensors have the layout [N, B, T, Dh] with heads first, so that the position scores
    of all rows of a batch are a single matrix product per head.
    """

    def __init__(self, config: XLNetConfig, options: ModelOptions, name: str) -> None:
        super().__init__(options)
        self.config = config
        shape = [config.d_model, config.n_head, config.d_head]
        served = isinstance(options, ServingOptions)
        for letter in "qkvo" if served else "qkvro":
            setattr(self, letter, self.variable(f"{name}/{letter}/kernel", shape))
        self.position_keys = None
        if served:
            groups, distances = 1 + options.bi_data, 2 * options.seq_len - 1
            shape = [config.n_head, groups, distances, config.d_head]
            self.position_keys = self.variable(f"{name}/r/position_keys", shape)
        self.layer_norm = LayerNorm(options, f"{name}/LayerNorm", config.d_model)

    def heads(self, inputs: tf.Tensor, kernel: tf.Variable) -> tf.Tensor:
        """Projects [A, L, d_model] with a kernel to heads, [N, A, L, Dh]."""
        if self.program is ACCELERATOR:
            return tf.einsum("ald,dnh->nalh", inputs, self.cast(kernel))
        n_head, d_head = self.config.n_head, self.config.d_head
        matrix = tf.reshape(self.cast(kernel), [self.config.d_model, n_head * d_head])
        outputs = tf.reshape(project(inputs, matrix), [*leading_shape(inputs), n_head, d_head])
        return tf.transpose(outputs, [2, 0, 1, 3])

    def _position_keys(self, query_len: int | tf.Tensor) -> tf.Tensor:
        """Returns the stored projections [N, G, 2 T - 1, Dh] of the distances within T tokens.

        They lie in the middle of those for the longest sequence, which range from the largest
        distance to the smallest.
        """
        skipped = self.options.seq_len - query_len
        return self.cast(self.position_keys)[:, :, skipped : skipped + 2 * query_len - 1]

    def output(self, vectors: tf.Tensor, inputs: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        """Projects [N, B, Q, Dh] back to [B, Q, d_model], adds the residual and normalises."""
        if self.program is ACCELERATOR:
            projected = tf.einsum("nbqh,dnh->bqd", vectors, self.cast(self.o))
        else:
            n_head, d_head = self.config.n_head, self.config.d_head
            joined = tf.transpose(vectors, [1, 2, 0, 3])
            joined = tf.reshape(joined, [*leading_shape(inputs), n_head * d_head])
            matrix = tf.reshape(self.cast(self.o), [self.config.d_model, n_head * d_head])
            projected = project(joined, matrix, transpose=True)
        dropped = self.program.dropout(projected, self.options.dropout, seed)
        return self.layer_norm(inputs + dropped)

    def call(
        self,
        hidden: tf.Tensor,
        query_hidden: tf.Tensor | None,
        memory: tf.Tensor | None,
        encodings: tf.Tensor | PositionWeights | None,
        biases: Biases,
        content: Stream,
        query: Stream | None,
        seeds: Sequence[tf.Tensor | None],
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Applies attention to the content stream and, if there is one, to the query stream.

        Args:
            hidden: [B, T, d_model], hidden states of the content stream.
            query_hidden: [B, P, d_model], hidden states of the query stream, or None.
            memory: [B, M, d_model], memory of this layer, or None.
            encodings: [G, R, d_model], position encodings, or what takes their place if the
                streams have angles. None for a network that only answers and stores their
                projections.
            biases: attention biases of this layer.
            content: masks and positions of the content stream.
            query: masks and positions of the query stream, or None.
            seeds: seeds of the four dropouts: probabilities and output of the content stream, then
                of the query stream.

        Returns:
            The new hidden states of both streams.
        """
        context = hidden if memory is None else tf.concat([memory, hidden], axis=1)
        keys = self.heads(context, self.k)
        values = self.heads(context, self.v)
        core = functools.partial(relative_attention, program=self.program)
        if isinstance(encodings, PositionWeights):
            core, positions = attention_by_angles, encodings.kernel(self.cast(self.r))
        elif encodings is None:
            positions = self._position_keys(shape_of(hidden)[1])
        else:
            positions = self.heads(encodings, self.r)

        def attend(inputs: tf.Tensor, stream: Stream, seeds: Sequence) -> tf.Tensor:
            vectors = core(
                self.heads(inputs, self.q),
                keys,
                values,
                positions,
                biases,
                stream,
                softmax_dtype=self.options.variable_dtype,
                rate=self.options.dropout_att,
                seed=seeds[0],
            )
            if stream.valid is not None:
                vectors *= stream.valid
            return self.output(vectors, inputs, seeds[1])

        new_hidden = attend(hidden, content, seeds[:2])
        if query_hidden is None:
            return new_hidden, None
        return new_hidden, attend(query_hidden, query, seeds[2:])
