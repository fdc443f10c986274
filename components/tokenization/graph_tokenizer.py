"""Converts text to SentencePiece ids inside a TensorFlow graph, as `tokenizer.py` does in Python.

With it, a served model treats raw text exactly as its training data was treated.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from components.tokenization import graph_normalization, ragged_substitution
from components.tokenization.vocabulary import Vocabulary


class GraphTokenizer(tf.Module):
    """Normalises texts and splits them into SentencePiece ids.

    The SentencePiece model is stored inside the graph, so a SavedModel needs no file beside it.
    Create the tokenizer outside of a `tf.function` and keep it as long as the function; a
    preprocessing_fn of tensorflow-transform may create its own.

    Attributes:
        vocabulary: the SentencePiece model.
        uncased: whether texts are converted to lower case.
        keep_accents: whether NFKD and the removal of combining characters are skipped.
    """

    def __init__(
        self, vocabulary: Vocabulary, *, uncased: bool = False, keep_accents: bool = False
    ):
        super().__init__(name="graph_tokenizer")
        self.vocabulary = vocabulary
        self.uncased = uncased
        self.keep_accents = keep_accents
        self._sentencepiece = tf_text.SentencepieceTokenizer(
            model=vocabulary.model, out_type=tf.int32
        )
        self._pieces = tf_text.SentencepieceTokenizer(model=vocabulary.model, out_type=tf.string)
        sequences = [
            vocabulary.replacements.get(piece_id, (piece_id,))
            for piece_id in range(vocabulary.size)
        ]
        self._lengths = np.array([len(ids) for ids in sequences], np.int32)
        self._starts = np.cumsum(self._lengths, dtype=np.int32) - self._lengths
        self._values = np.concatenate(sequences).astype(np.int32)
        # This table only has entries for the pieces that are replaced. Entry 0 stands for all
        # others, which stay as they are, including unknown ones.
        self._entry_of_id = np.zeros(vocabulary.size, np.int32)
        replaced = sorted(vocabulary.replacements)
        self._entry_of_id[replaced] = np.arange(1, len(replaced) + 1)

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Converts texts to ids.

        Args:
            texts: string [n], UTF-8. Bytes that are not valid UTF-8 are read as U+FFFD.

        Returns:
            int32 [n, (number of pieces)]. A text that consists only of white space has no pieces.
        """
        return self.encode_normalized(
            graph_normalization.normalize(
                texts, uncased=self.uncased, keep_accents=self.keep_accents
            )
        )

    def pieces(self, texts: tf.Tensor) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Splits texts into pieces, as strings of the normalised text and as ids.

        Unknown characters appear as themselves. With `byte_fallback`, each of their bytes is a
        separate piece, so only all of them together are valid UTF-8.

        Args:
            texts: string [n], as for `__call__`.

        Returns:
            The pieces, string [n, (number of pieces)], and their ids, int32 of the same shape.
        """
        normalized = graph_normalization.normalize(
            texts, uncased=self.uncased, keep_accents=self.keep_accents
        )
        found = self._pieces.tokenize(normalized).with_row_splits_dtype(tf.int32)
        ids = self._pieces.string_to_id(found.flat_values)
        if self.vocabulary.replacements:
            found, ids = self._replace(found, ids)
        if self.vocabulary.byte_pieces:
            found = found.with_flat_values(self._bytes(found.flat_values, ids))
        return found, found.with_flat_values(ids)

    def _replace(self, found: tf.RaggedTensor, ids: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
        """Applies the comma rule; returns the pieces and the flat values of their ids."""
        processor = self.vocabulary.make_processor()
        replaced = sorted(self.vocabulary.replacements)
        table = {
            "starts": np.append(0, self._starts[replaced]).astype(np.int32),
            "lengths": np.append(1, self._lengths[replaced]).astype(np.int32),
            "keeps_entry_0": True,
        }
        entries = tf.gather(self._entry_of_id, ids)
        names = np.array([processor.IdToPiece(int(value)) for value in self._values])
        replaced_ids = ragged_substitution.substitute(
            found.with_flat_values(ids), entries, values=self._values, **table
        )
        return (
            ragged_substitution.substitute(found, entries, values=names, **table),
            replaced_ids.flat_values,
        )

    def _bytes(self, pieces: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        """Replaces byte pieces by the bytes that they stand for; string [n] → string [n]."""
        is_byte = np.zeros(self.vocabulary.size, bool)
        raw = np.full(self.vocabulary.size, b"", object)
        for piece_id, piece in self.vocabulary.byte_pieces.items():
            is_byte[piece_id], raw[piece_id] = True, bytes([piece.byte])
        # A TensorFlow constant, because NumPy's own type for bytes would drop the zero byte.
        raw = tf.constant(raw.tolist())
        return tf.where(tf.gather(is_byte, ids), tf.gather(raw, ids), pieces)

    def encode_normalized(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Converts texts that are already normalised to ids; see `__call__`."""
        ids = self._sentencepiece.tokenize(texts)
        return ragged_substitution.substitute(
            ids,
            ids.flat_values,
            starts=self._starts,
            lengths=self._lengths,
            values=self._values,
        )
