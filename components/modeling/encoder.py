"""The XLNet encoder: Transformer-XL with a content and a query stream (paper sections 2.3-2.6)."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from components.modeling import inputs as checks
from components.modeling.angles import Angles, Frequencies, PositionWeights
from components.modeling.attention import RelativeAttention
from components.modeling.attention_core import Biases, Stream
from components.modeling.config import ModelOptions, ServingOptions, XLNetConfig
from components.modeling.dropout import check_seed, fold_in, site_seeds
from components.modeling.embedding import WordEmbedding
from components.modeling.feed_forward import FeedForward
from components.modeling.masks import attention_biases
from components.modeling.memory import next_memory
from components.modeling.program import ACCELERATOR, shape_of
from components.modeling.relative_positions import (
    Alignment,
    EveryPosition,
    GivenPositions,
    position_encodings,
)
from components.modeling.variables import NamedLayer

# Numbers of the places that use dropout: four in the encoder, one in a head, then those of the
# layers.
_EMBEDDING_SITE, _QUERY_SITE, _POSITION_SITE, _OUTPUT_SITE, _HEAD_SITE, _FIRST_LAYER_SITE = range(6)
_ATTENTION_SITES = 4  # Two for each stream.
_SITES_PER_LAYER = 8  # Those of attention, and two for each stream in the feed-forward layer.


def head_seed(seed: tf.Tensor | None) -> tf.Tensor | None:
    """Returns the seed of a head's dropout, which is different from all seeds in the encoder."""
    return None if seed is None else fold_in(seed, _HEAD_SITE)


class EncoderOutput(NamedTuple):
    """The outputs of the encoder.

    Attributes:
        hidden: [B, T, d_model], last hidden states of the content stream, after dropout.
        query_hidden: [B, P, d_model], last hidden states of the query stream, after dropout; None
            if there is no query stream.
        mems: [n_layer, B, M', d_model], memory for the next segment in the compute dtype; None if
            `mem_len` is 0.
        layers: n_layer + 1 tensors [B, T, d_model]: embeddings, then the output of each layer.
    """

    hidden: tf.Tensor
    query_hidden: tf.Tensor | None
    mems: tf.Tensor | None
    layers: tuple[tf.Tensor, ...]


class XLNetEncoder(NamedLayer):
    """XLNet without a head. One set of weights serves both streams and every task.

    All tensors are batch first. Dropout of the position encodings is shared by all rows of a batch
    (with `bi_data`, by all rows of a direction), because the encodings are computed and projected
    only once. This departs from the published code, which drops them separately for each row.

    In the form of the training step for accelerators, positions are scored by angles (see
    `components.modeling.angles`) unless distances are clamped; dropout of the position encodings
    then is shared by all distances, too. Evaluations and exported models always use the published
    encodings.
    """

    def __init__(self, config: XLNetConfig, options: ModelOptions) -> None:
        super().__init__(options)
        self.config = config
        per_layer = [config.n_layer] if config.untie_r else []
        heads = [config.n_head, config.d_head]
        self.word_embedding = WordEmbedding(options, config.n_token, config.d_model)
        self.mask_emb = self.variable("transformer/mask_emb/mask_emb", [1, 1, config.d_model])
        self.r_w_bias = self.variable("transformer/r_w_bias", [*per_layer, *heads])
        self.r_r_bias = self.variable("transformer/r_r_bias", [*per_layer, *heads])
        self.r_s_bias = self.variable("transformer/r_s_bias", [*per_layer, *heads])
        self.seg_embed = self.variable("transformer/seg_embed", [config.n_layer, 2, *heads])
        self.attention = []
        self.feed_forward = []
        for i in range(config.n_layer):
            name = f"transformer/layer_{i}"
            self.attention.append(RelativeAttention(config, options, f"{name}/rel_attn"))
            self.feed_forward.append(FeedForward(config, options, f"{name}/ff"))

    def call(
        self,
        input_ids: tf.Tensor,
        *,
        segment_ids: tf.Tensor | None = None,
        input_mask: tf.Tensor | None = None,
        perm_mask: tf.Tensor | None = None,
        mems: tf.Tensor | None = None,
        target_positions: tf.Tensor | None = None,
        input_q: tf.Tensor | None = None,
        training: bool = False,
        dropout_seed: tf.Tensor | None = None,
    ) -> EncoderOutput:
        """Encodes a batch of segments.

        Args:
            input_ids: int [B, T], the tokens.
            segment_ids: int [B, T], or None for a model without segments. Memory counts as
                segment 0.
            input_mask: [B, T], 1 marks padding; None for no padding.
            perm_mask: [B, T, T], 1 where token i may not attend to token j; None allows all.
            mems: [n_layer, B, M, d_model], memory from the previous segment, or None.
            target_positions: int [B, P], positions that the query stream predicts. -1 is padding,
                for which the attention is zero.
            input_q: [B, T], asks for a query stream at all T positions, with 1 where the token is
                replaced by the mask embedding. Used only without `target_positions`.
            training: whether dropout is on.
            dropout_seed: int32 [2]; required in training with dropout.

        Raises:
            ValueError: if shapes disagree, or if the batch size is odd with `bi_data`.
        """
        config, options = self.config, self.options
        input_ids, segment_ids, input_mask, perm_mask, mems, target_positions, input_q = (
            None if tensor is None else tf.convert_to_tensor(tensor)
            for tensor in (
                input_ids,
                segment_ids,
                input_mask,
                perm_mask,
                mems,
                target_positions,
                input_q,
            )
        )
        query_len = checks.sequence_length("input_ids", input_ids, options)
        batch = input_ids.shape[0]
        per_token = input_ids.shape.as_list()
        for name, tensor, shape, axes in (
            ("segment_ids", segment_ids, per_token, "[batch, seq_len]"),
            ("input_mask", input_mask, per_token, "[batch, seq_len]"),
            ("input_q", input_q, per_token, "[batch, seq_len]"),
            ("perm_mask", perm_mask, [*per_token, per_token[1]], "[batch, seq_len, seq_len]"),
            ("target_positions", target_positions, [batch, None], "[batch, num_predict]"),
            (
                "mems",
                mems,
                [config.n_layer, batch, None, config.d_model],
                "[n_layer, batch, mem_len, d_model]",
            ),
        ):
            if tensor is not None:
                checks.check_shape(name, tensor, shape, axes)
        if options.bi_data:
            checks.check_even_batch(batch)
        seed = check_seed(
            dropout_seed, needed=training and (options.dropout > 0 or options.dropout_att > 0)
        )
        seeds = site_seeds(seed, _FIRST_LAYER_SITE + config.n_layer * _SITES_PER_LAYER)
        if isinstance(options, ServingOptions):
            checks.check_no_memory(mems)
        mem_len = 0 if mems is None else mems.shape[2]
        memories = [None] * config.n_layer if mems is None else tf.unstack(self.cast(mems))
        # Clamped distances are no sums of angles.
        by_angles = training and self.program is ACCELERATOR and options.clamp_len < 0
        frequencies = Frequencies.reaching(mem_len + query_len) if by_angles else None
        content, query = self._streams(
            input_ids, segment_ids, input_mask, perm_mask, mem_len, target_positions, frequencies
        )
        embedded = self.word_embedding(input_ids)
        hidden = self.program.dropout(embedded, options.dropout, seeds[_EMBEDDING_SITE])
        query_hidden = self._query_embedding(embedded, target_positions, input_q)
        if query_hidden is None:
            query = None
        else:
            query_hidden = self.program.dropout(query_hidden, options.dropout, seeds[_QUERY_SITE])
        encodings = self._encodings(query_len, mem_len, frequencies, seeds[_POSITION_SITE])

        new_mems = []
        layers = [hidden]
        for i, memory in enumerate(memories):
            if options.mem_len > 0:
                new_mems.append(
                    next_memory(
                        hidden, memory, mem_len=options.mem_len, reuse_len=options.reuse_len
                    )
                )
            first = _FIRST_LAYER_SITE + i * _SITES_PER_LAYER
            layer_seeds = seeds[first : first + _SITES_PER_LAYER]
            layer = functools.partial(self._layer, i, memory, encodings, content, query)
            # The backward pass begins with the last layer, and has to hold one layer's activations
            # anyway. Besides, nobody needs the gradient of its content stream in pretraining, which
            # is left out only if the layer is not computed again as a whole.
            is_last = i == config.n_layer - 1
            if options.rematerialize and training and not is_last:
                run = self.program.recompute(layer, layer_seeds)
            else:
                run = functools.partial(layer, layer_seeds)
            streams = [hidden] if query_hidden is None else [hidden, query_hidden]
            hidden, *rest = run(*streams)
            query_hidden = rest[0] if rest else None
            layers.append(hidden)
        return EncoderOutput(
            hidden=self.program.dropout(hidden, options.dropout, seeds[_OUTPUT_SITE]),
            query_hidden=None
            if query_hidden is None
            else self.program.dropout(query_hidden, options.dropout, seeds[_OUTPUT_SITE]),
            mems=tf.stack(new_mems) if new_mems else None,
            layers=tuple(layers),
        )

    def position_keys(self, seq_len: int) -> dict[str, tf.Tensor]:
        """Projects the position encodings of sequences of at most `seq_len` tokens in each layer.

        Returns:
            [N, G, 2 seq_len - 1, Dh] by the name of the variable that stores it for serving.
        """
        encodings = self._encodings(seq_len, 0, None, None)
        return {
            attention.r.name.replace("/kernel:", "/position_keys:"): attention.heads(
                encodings, attention.r
            )
            for attention in self.attention
        }

    def _layer(
        self,
        index: int,
        memory: tf.Tensor | None,
        encodings: tf.Tensor | PositionWeights | None,
        content: Stream,
        query: Stream | None,
        seeds: Sequence[tf.Tensor | None],
        hidden: tf.Tensor,
        query_hidden: tf.Tensor | None = None,
    ) -> list[tf.Tensor]:
        """Runs one layer; returns the content stream and, if there is one, the query stream."""
        hidden, query_hidden = self.attention[index](
            hidden,
            query_hidden,
            memory,
            encodings,
            self._biases(index),
            content,
            query,
            seeds[:_ATTENTION_SITES],
        )
        feed_forward = self.feed_forward[index]
        outputs = [feed_forward(hidden, seeds[_ATTENTION_SITES:-2])]
        if query_hidden is not None:
            outputs.append(feed_forward(query_hidden, seeds[-2:]))
        return outputs

    def _encodings(
        self,
        query_len: int,
        mem_len: int,
        frequencies: Frequencies | None,
        seed: tf.Tensor | None,
    ) -> tf.Tensor | PositionWeights | None:
        """Makes what all layers compute position scores from; None if they have stored it."""
        config, options, rate = self.config, self.options, self.options.dropout
        if isinstance(options, ServingOptions):
            return None
        if frequencies is None:
            encodings = position_encodings(
                query_len=query_len,
                key_len=mem_len + query_len,
                d_model=config.d_model,
                bi_data=options.bi_data,
                clamp_len=options.clamp_len,
            )
            encodings = tf.constant(encodings, options.compute_dtype)
            return self.program.dropout(encodings, rate, seed)
        weights = tf.stack(frequencies.weights(config.d_model, options.variable_dtype))
        kept = self.program.dropout(tf.ones(weights.shape[:2], weights.dtype), rate, seed)
        return PositionWeights(*tf.unstack(self.cast(weights * kept[:, :, None])))

    def _biases(self, index: int) -> Biases:
        def of_layer(variable: tf.Variable) -> tf.Tensor:
            return self.cast(variable[index] if self.config.untie_r else variable)

        return Biases(
            content=of_layer(self.r_w_bias),
            position=of_layer(self.r_r_bias),
            segment=of_layer(self.r_s_bias),
            segment_embedding=self.cast(self.seg_embed[index]),
        )

    def _query_embedding(
        self,
        embedded: tf.Tensor,
        target_positions: tf.Tensor | None,
        input_q: tf.Tensor | None,
    ) -> tf.Tensor | None:
        mask_emb = self.cast(self.mask_emb)
        if target_positions is not None:
            shape = tf.concat([tf.shape(target_positions), [1]], axis=0)
            return tf.ones(shape, mask_emb.dtype) * mask_emb
        if input_q is not None:
            replaced = self.cast(input_q)[:, :, None]
            return replaced * mask_emb + (1 - replaced) * embedded
        return None

    def _streams(
        self,
        input_ids: tf.Tensor,
        segment_ids: tf.Tensor | None,
        input_mask: tf.Tensor | None,
        perm_mask: tf.Tensor | None,
        mem_len: int,
        target_positions: tf.Tensor | None,
        frequencies: Frequencies | None,
    ) -> tuple[Stream, Stream]:
        """Makes the masks and positions of both streams, once for all layers."""
        options = self.options
        query_len = shape_of(input_ids)[1]
        content_bias, query_bias = attention_biases(
            input_mask=input_mask,
            perm_mask=perm_mask,
            batch_size=tf.shape(input_ids)[0],
            query_len=query_len,
            mem_len=mem_len,
            attn_type=options.attn_type,
            same_length=options.same_length,
            dtype=tf.as_dtype(options.variable_dtype),
            numbers=tf.range if frequencies is None else self.program.numbers,
        )
        other_segment = None
        if segment_ids is not None:
            segment_ids = tf.cast(segment_ids, tf.int32)
            of_keys = tf.pad(segment_ids, [[0, 0], [mem_len, 0]])
            other_segment = self.cast(segment_ids[:, :, None] != of_keys[:, None, :])
        everywhere = self._alignment(None, input_ids, mem_len, frequencies)
        content = Stream(everywhere, content_bias, other_segment)
        if target_positions is None:
            return content, Stream(everywhere, query_bias, other_segment)
        positions = tf.maximum(tf.cast(target_positions, tf.int32), 0)

        def at_positions(tensor: tf.Tensor | None) -> tf.Tensor | None:
            if tensor is None:
                return None
            if frequencies is None:
                return tf.gather(tensor, positions, batch_dims=1)
            # A gather would become a loop. A sum with only one number that is not zero is exact.
            rows = tf.one_hot(positions, query_len, dtype=options.compute_dtype)
            gathered = tf.einsum("bpt,bts->bps", rows, self.cast(tensor))
            return tf.cast(gathered, tensor.dtype)

        return content, Stream(
            self._alignment(positions, input_ids, mem_len, frequencies),
            at_positions(query_bias),
            at_positions(other_segment),
            valid=self.cast(target_positions >= 0)[:, :, None],
        )

    def _alignment(
        self,
        positions: tf.Tensor | None,
        input_ids: tf.Tensor,
        mem_len: int,
        frequencies: Frequencies | None,
    ) -> Alignment | Angles:
        """Makes the alignment of queries at given positions [B, P], or else at all positions."""
        query_len = shape_of(input_ids)[1]
        key_len = mem_len + query_len
        if frequencies is None and positions is None:
            return EveryPosition(query_len, key_len)
        if frequencies is None:
            return GivenPositions(positions, query_len, key_len)
        if positions is None:
            positions = self.program.numbers(query_len)[None]
        dtype = self.options.variable_dtype
        sines, cosines = frequencies.angles(mem_len + positions, dtype)
        key_sines, key_cosines = frequencies.angles(self.program.numbers(key_len), dtype)
        direction = None
        if self.options.bi_data:
            rows = tf.shape(input_ids)[0]
            direction = tf.where(tf.range(rows) < rows // 2, 1, -1)
            direction = self.cast(direction)[:, None, None]
        return Angles(
            self.cast(sines),
            self.cast(cosines),
            self.cast(tf.concat([key_cosines, key_sines], axis=-1)),
            direction,
        )
