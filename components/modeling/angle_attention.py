"""Relative attention for accelerators: positions by angles, few passes over the scores.

It computes what `attention_core.relative_attention` does, with the same hand-written gradient. The
scores are summed, and the softmax is taken, in float32. The equations leave the order of axes in
memory to the compiler.
"""

from __future__ import annotations

import tensorflow as tf

from components.modeling.attention_core import (
    Biases,
    Stream,
    biased,
    score_scale,
    segment_gradients,
    segment_scores,
)
from components.modeling.fused_ops import sum_of_columns
from components.modeling.program import ACCELERATOR


def attention_by_angles(
    queries: tf.Tensor,
    keys: tf.Tensor,
    values: tf.Tensor,
    position_kernel: tf.Tensor,
    biases: Biases,
    stream: Stream,
    *,
    softmax_dtype: str,
    rate: float,
    seed: tf.Tensor | None,
) -> tf.Tensor:
    """Computes attention with content, position and segment scores.

    Args:
        queries: [N, B, Q, Dh].
        keys: [N, B, S, Dh].
        values: [N, B, S, Dh].
        position_kernel: [2, M, N, Dh], the layer's kernel of position encodings, carried over to
            the sines and cosines of evenly spaced frequencies.
        biases: attention biases of this layer.
        stream: masks of the stream, with angles as its alignment.
        softmax_dtype: dtype of the softmax.
        rate: fraction of the probabilities to drop.
        seed: dropout seed of this place, or None for no dropout.

    Returns:
        [N, B, Q, Dh].
    """
    scale = score_scale(queries)
    dtype = queries.dtype
    angles = stream.alignment

    def bias_gradient(of_queries: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.reduce_sum(tf.cast(of_queries, softmax_dtype), axis=[1, 2]), dtype)

    @tf.custom_gradient
    def attend(queries, keys, values, position_kernel, content, position, segment, difference):
        by_content, by_position = biased(queries, content), biased(queries, position)
        kernels = tf.unstack(position_kernel)
        components = [tf.einsum("nbqh,mnh->nbqm", by_position, kernel) for kernel in kernels]
        turned = tf.concat(angles.turn(*components), axis=-1)
        scores = tf.cast(tf.einsum("nbqm,sm->nbqs", turned, angles.keys), softmax_dtype)
        scores += tf.cast(tf.einsum("nbqh,nbsh->nbqs", by_content, keys), softmax_dtype)
        if stream.other_segment is not None:
            by_segment = segment_scores(stream, queries, segment, difference)
            scores += tf.cast(by_segment, softmax_dtype)
        if stream.bias is not None:
            scores += stream.bias
        # Kept in the compute dtype, half the size of the sum. The passes for the maximum, for the
        # sum, and for the weighted sum all read them.
        scores = tf.cast(tf.cast(scores, dtype), softmax_dtype)
        maximum = tf.reduce_max(scores, axis=-1, keepdims=True)
        exponentials = tf.exp(scores - maximum)
        probabilities = tf.cast(exponentials / sum_of_columns(exponentials), dtype)
        dropped = ACCELERATOR.dropout(probabilities, rate, seed)
        result = tf.einsum("nbqs,nbsh->nbqh", dropped, values)

        def gradient(upstream: tf.Tensor):
            again = ACCELERATOR.for_backward(seed)
            dropped = ACCELERATOR.dropout(probabilities, rate, again)
            of_values = tf.einsum("nbqs,nbqh->nbsh", dropped, upstream)
            of_dropped = tf.einsum("nbqh,nbsh->nbqs", upstream, values)
            product = tf.cast(upstream, softmax_dtype) * tf.cast(result, softmax_dtype)
            mean = tf.cast(sum_of_columns(product), dtype)
            of_scores = probabilities * (ACCELERATOR.dropout(of_dropped, rate, again) - mean)
            of_content = tf.einsum("nbqs,nbsh->nbqh", of_scores, keys) * scale
            of_keys = tf.einsum("nbqs,nbqh->nbsh", of_scores, by_content)
            # Sines and cosines apart, because the compiler would write them down once more to split
            # or to join them.
            of_turned = [
                tf.einsum("nbqs,sm->nbqm", of_scores, part)
                for part in tf.split(angles.keys, 2, axis=-1)
            ]
            of_components = angles.turn_back(*of_turned)
            of_position = scale * tf.add_n(
                [
                    tf.einsum("nbqm,mnh->nbqh", component, kernel)
                    for component, kernel in zip(of_components, kernels, strict=True)
                ]
            )
            of_kernel = tf.stack(
                [tf.einsum("nbqm,nbqh->mnh", component, by_position) for component in of_components]
            )
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
                of_kernel,
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
        position_kernel,
        biases.content,
        biases.position,
        biases.segment,
        biases.segment_difference,
    )
