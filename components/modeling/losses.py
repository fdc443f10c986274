"""Losses per example or token, in float32 (or float64 if the model computes in that).

The trainer weights them and divides by the total weight of the global batch.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf


def _wide(tensor: tf.Tensor) -> tf.Tensor:
    """Casts to float32, except float64, which stays as it is."""
    return tensor if tensor.dtype == tf.float64 else tf.cast(tensor, tf.float32)


def classification_loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Returns the cross entropy [B] of logits [B, num_classes] and int labels [B] or [B, 1]."""
    labels = tf.reshape(tf.cast(labels, tf.int32), [-1])
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=_wide(logits))


def regression_loss(predictions: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Returns the squared error [B] of predictions [B] and labels [B] or [B, 1]."""
    predictions = _wide(predictions)
    return tf.square(predictions - tf.reshape(tf.cast(labels, predictions.dtype), [-1]))


def language_model_loss(logits: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Returns the cross entropy [B, P] of logits [B, P, n_token] and target pieces [B, P].

    The published loss is `sum(loss * target_mask) / sum(target_mask)`, with both sums taken over
    the global batch.
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.cast(target, tf.int32), logits=_wide(logits)
    )


def span_loss(log_probs: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Returns minus the log probability [B] of positions [B] or [B, 1], given log_probs [B, T]."""
    positions = tf.reshape(tf.cast(positions, tf.int32), [-1])
    one_hot = tf.one_hot(positions, log_probs.shape[-1], on_value=True, off_value=False)
    # Selects instead of multiplying by the one-hot vector, so that the -1e30 of masked positions
    # does not enter the sum as a product with zero.
    return -tf.reduce_sum(tf.where(one_hot, log_probs, tf.zeros([], log_probs.dtype)), axis=-1)


def question_answering_loss(
    outputs: Mapping[str, tf.Tensor], features: Mapping[str, tf.Tensor]
) -> tf.Tensor:
    """Returns the published loss [B]: half the two span losses plus half the answerability loss.

    Args:
        outputs: `start_log_probs`, `end_log_probs` [B, T] and `cls_logits` [B], which
            `QuestionAnsweringModel` returns for features with `start_positions`.
        features: `start_positions`, `end_positions`, `is_impossible` [B] or [B, 1].
    """
    span = span_loss(outputs["start_log_probs"], features["start_positions"])
    span += span_loss(outputs["end_log_probs"], features["end_positions"])
    logits = _wide(outputs["cls_logits"])
    is_impossible = tf.reshape(tf.cast(features["is_impossible"], logits.dtype), [-1])
    answerability = tf.nn.sigmoid_cross_entropy_with_logits(labels=is_impossible, logits=logits)
    return 0.5 * span + 0.5 * answerability
