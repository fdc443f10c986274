"""Cuts paragraphs and questions into windows in a TensorFlow graph, as `windows.py` in Python."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from components.preprocessing.question_answering.config import NUM_SPECIAL_TOKENS, WindowConfig
from components.preprocessing.question_answering.graph_alignment import GraphAligner
from components.preprocessing.question_answering.windows import LENGTH_WEIGHT
from components.records import MASKED, PAD_INPUT_ID, UNMASKED, QuestionAnsweringSegmentId
from components.tokenization import graph_normalization
from components.tokenization.graph_tokenizer import GraphTokenizer
from components.tokenization.special_ids import CLS_ID, SEP_ID


class GraphWindows(NamedTuple):
    """The W windows of all questions; those of a question are in the order of its paragraph.

    Attributes:
        features: the inputs of the model: `input_ids` and `segment_ids`, int32 [W, max_seq_length];
            `input_mask` and `p_mask`, float32 [W, max_seq_length]; and `cls_index`, int32 [W].
        question: int32 [W], index of the question.
        paragraph_len: int32 [W], number of the paragraph's pieces in the window.
        tok_start_to_orig_index: int32 [W, max_seq_length], first character of each piece; 0 beyond
            the paragraph.
        tok_end_to_orig_index: int32 [W, max_seq_length], last character of each piece; 0 beyond the
            paragraph.
        token_is_max_context: bool [W, max_seq_length], whether no other window gives the piece a
            better context.
        contexts: string [questions], UTF-8, the paragraphs.
        characters: int32 [questions, (characters)], code points of the paragraphs.
    """

    features: dict[str, tf.Tensor]
    question: tf.Tensor
    paragraph_len: tf.Tensor
    tok_start_to_orig_index: tf.Tensor
    tok_end_to_orig_index: tf.Tensor
    token_is_max_context: tf.Tensor
    contexts: tf.Tensor
    characters: tf.RaggedTensor


class GraphWindowMaker(tf.Module):
    """Makes windows from texts. Keep it as long as the `tf.function`s that use it.

    Args:
        tokenizer: a tokenizer with the settings of the records that the model was trained on.
        config: the lengths of windows, questions and strides.
    """

    def __init__(self, tokenizer: GraphTokenizer, config: WindowConfig) -> None:
        super().__init__(name="graph_window_maker")
        self._tokenizer = tokenizer
        self._config = config
        self._aligner = GraphAligner(uncased=tokenizer.uncased, keep_accents=tokenizer.keep_accents)

    def __call__(self, questions: tf.Tensor, contexts: tf.Tensor) -> GraphWindows:
        """Makes the windows of questions.

        Args:
            questions: string [n].
            contexts: string [n], the paragraph of each question.
        """
        config, seq_len = self._config, self._config.max_seq_length
        contexts = graph_normalization.to_unicode(contexts)
        characters = tf.strings.unicode_decode(contexts, "UTF-8").with_row_splits_dtype(tf.int32)
        pieces, ids = self._tokenizer.pieces(contexts)
        aligned = self._aligner.align(characters, pieces)
        query = self._tokenizer(questions).with_row_splits_dtype(tf.int32)
        query = query[:, : config.max_query_length]

        num_pieces, num_query = ids.row_lengths(), query.row_lengths()
        room = seq_len - num_query - NUM_SPECIAL_TOKENS
        step = tf.minimum(room, config.doc_stride)
        num_windows = 1 - (-tf.maximum(num_pieces - room, 0) // step)
        question = tf.repeat(tf.range(tf.size(num_windows)), num_windows)
        number = tf.ragged.range(num_windows).flat_values

        start = number * tf.gather(step, question)
        length = tf.minimum(tf.gather(room, question), tf.gather(num_pieces, question) - start)
        first_piece = tf.gather(ids.row_starts(), question) + start
        position = tf.range(seq_len)[None]
        is_paragraph = position < length[:, None]
        # Positions outside of the paragraph refer to an additional value behind the last piece.
        piece = tf.where(is_paragraph, first_piece[:, None] + position, tf.size(ids.flat_values))

        def of_pieces(values: tf.Tensor) -> tf.Tensor:
            return tf.gather(tf.concat([values, [0]], 0), piece)

        # Each separator belongs to the segment before it.
        first_of_query = length + 1
        cls_index = first_of_query + tf.gather(num_query, question) + 1
        in_query = position - first_of_query[:, None]
        is_query = (in_query >= 0) & (position < cls_index[:, None] - 1)
        query_place = tf.gather(query.row_starts(), question)[:, None] + in_query
        query_place = tf.where(is_query, query_place, tf.size(query.flat_values))
        query_ids = tf.gather(tf.concat([query.flat_values, [0]], 0), query_place)
        is_cls = position == cls_index[:, None]
        is_separator = (position == length[:, None]) | (position == cls_index[:, None] - 1)
        input_ids = tf.where(is_paragraph, of_pieces(ids.flat_values), PAD_INPUT_ID)
        input_ids = tf.where(is_query, query_ids, input_ids)
        input_ids = tf.where(is_separator, SEP_ID, input_ids)
        input_ids = tf.where(is_cls, CLS_ID, input_ids)
        segments = QuestionAnsweringSegmentId
        segment_ids = tf.where(
            position <= length[:, None],
            int(segments.PARAGRAPH),
            tf.where(
                position < cls_index[:, None],
                int(segments.QUESTION),
                tf.where(is_cls, int(segments.CLS), int(segments.PAD)),
            ),
        )
        return GraphWindows(
            features={
                "input_ids": input_ids,
                "segment_ids": segment_ids,
                "input_mask": tf.where(position <= cls_index[:, None], UNMASKED, MASKED),
                "p_mask": tf.where(is_paragraph | is_cls, UNMASKED, MASKED),
                "cls_index": cls_index,
            },
            question=question,
            paragraph_len=length,
            tok_start_to_orig_index=of_pieces(aligned.tok_start_to_orig_index),
            tok_end_to_orig_index=of_pieces(aligned.tok_end_to_orig_index),
            token_is_max_context=_max_context(
                piece, is_paragraph, length, tf.size(ids.flat_values)
            ),
            contexts=contexts,
            characters=characters,
        )


def _max_context(
    piece: tf.Tensor, is_paragraph: tf.Tensor, length: tf.Tensor, num_pieces: tf.Tensor
) -> tf.Tensor:
    """Returns whether each piece has its best context in this window; bool [W, T].

    `windows.max_context` explains the rule.
    """
    position = tf.range(tf.shape(piece)[1])[None]
    shorter_side = tf.minimum(position, length[:, None] - 1 - position)
    score = tf.cast(shorter_side, tf.float64) + LENGTH_WEIGHT * tf.cast(length[:, None], tf.float64)
    best = tf.math.unsorted_segment_max(score, piece, num_pieces + 1)
    window = tf.broadcast_to(tf.range(tf.shape(piece)[0])[:, None], tf.shape(piece))
    is_best = is_paragraph & (score == tf.gather(best, piece))
    none = tf.shape(piece)[0]
    first = tf.math.unsorted_segment_min(tf.where(is_best, window, none), piece, num_pieces + 1)
    return is_best & (window == tf.gather(first, piece))
