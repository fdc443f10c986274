"""Word embeddings."""

from __future__ import annotations

import tensorflow as tf

from components.modeling.config import ModelOptions
from components.modeling.program import Program
from components.modeling.variables import NamedLayer


def _gather_dense(table: tf.Tensor, ids: tf.Tensor, dtype: str, program: Program) -> tf.Tensor:
    """Gathers rows of the table and casts them, with a dense gradient.

    TensorFlow's own gradient is a list of rows, in which a piece that occurs twice is listed twice.
    That makes the norm for clipping wrong, and the tied output layer makes the gradient dense
    anyway.
    """

    @program.differentiable
    def gather(table: tf.Tensor):
        def gradient(upstream: tf.Tensor):
            rows = tf.reshape(upstream, [-1, table.shape[1]])
            return program.sum_by_id(rows, tf.reshape(ids, [-1]), table.shape[0], table.dtype)

        return tf.cast(tf.gather(table, ids), dtype), gradient

    return gather(table)


class WordEmbedding(NamedLayer):
    """Maps pieces to vectors.

    The variable is `transformer/word_embedding/lookup_table` [n_token, d_model].
    """

    def __init__(self, options: ModelOptions, n_token: int, d_model: int) -> None:
        super().__init__(options)
        self.lookup_table = self.variable(
            "transformer/word_embedding/lookup_table", [n_token, d_model]
        )

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Maps ids [B, T] to embeddings [B, T, d_model] in the compute dtype."""
        table = tf.convert_to_tensor(self.lookup_table)
        if self.options.embedding_lookup == "one_hot":
            rows = tf.one_hot(ids, table.shape[0], dtype=self.options.compute_dtype)
            return tf.einsum("btn,nd->btd", rows, self.cast(table))
        return _gather_dense(
            table, tf.cast(ids, tf.int32), self.options.compute_dtype, self.program
        )
