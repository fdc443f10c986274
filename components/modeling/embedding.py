"""Word embeddings, looked up in the way that is fastest on the device."""

from __future__ import annotations

import tensorflow as tf

from components.modeling.config import ModelOptions
from components.modeling.variables import NamedLayer


def use_one_hot(options: ModelOptions) -> bool:
    """Whether embeddings are looked up by a matrix product with one-hot rows, as TPUs prefer."""
    if options.embedding_lookup == "auto":
        strategy = tf.distribute.get_strategy()
        return isinstance(strategy, tf.distribute.TPUStrategy)
    return options.embedding_lookup == "one_hot"


@tf.custom_gradient
def _gather_dense(table: tf.Tensor, ids: tf.Tensor):
    """Gathers rows of the table, with a dense gradient.

    TensorFlow's own gradient is a list of rows, in which a piece that occurs twice is listed twice.
    That makes the norm for clipping wrong, and the tied output layer makes the gradient dense
    anyway.
    """
    size = table.shape[0]

    def gradient(upstream: tf.Tensor):
        rows = tf.reshape(upstream, [-1, table.shape[1]])
        return tf.math.unsorted_segment_sum(rows, tf.reshape(ids, [-1]), size), None

    return tf.gather(table, ids), gradient


class WordEmbedding(NamedLayer):
    """Maps pieces to vectors.

    The variable is `transformer/word_embedding/lookup_table` [n_token, d_model].
    """

    def __init__(self, options: ModelOptions, n_token: int, d_model: int) -> None:
        super().__init__(options)
        self.lookup_table = self.variable(
            "transformer/word_embedding/lookup_table", [n_token, d_model]
        )
        self.one_hot = use_one_hot(options)

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Maps ids [B, T] to embeddings [B, T, d_model] in the compute dtype."""
        table = tf.convert_to_tensor(self.lookup_table)
        if self.one_hot:
            rows = tf.one_hot(ids, table.shape[0], dtype=self.options.compute_dtype)
            return tf.einsum("btn,nd->btd", rows, self.cast(table))
        return self.cast(_gather_dense(table, tf.cast(ids, tf.int32)))
