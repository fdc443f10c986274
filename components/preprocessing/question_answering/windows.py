"""Cuts a tokenized paragraph and a tokenized question into windows of fixed length.

A window is `paragraph SEP question SEP CLS`, padded on the right. A paragraph that is too long for
one window is covered by several, which begin `doc_stride` tokens apart.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence

import numpy as np

from components.preprocessing.question_answering.alignment import Alignment
from components.preprocessing.question_answering.config import NUM_SPECIAL_TOKENS, WindowConfig
from components.records import MASKED, PAD_INPUT_ID, UNMASKED, QuestionAnsweringSegmentId
from components.tokenization.special_ids import CLS_ID, SEP_ID

# In the published choice between windows, each token of a window's length adds this to its score,
# so that of windows with equal context the longer one wins.
LENGTH_WEIGHT = 0.01
# Maximum number of cached layouts, each of which holds three rows of max_seq_length values.
_MAX_LAYOUTS = 4096
# For how many lengths of a question the spans of a paragraph are kept; of a very long paragraph,
# those for one length take megabytes.
_MAX_ROOMS = 2


@dataclasses.dataclass(frozen=True)
class Layout:
    """The features of a window that only depend on its lengths, as read-only arrays.

    Attributes:
        input_mask: float32[max_seq_length], 1 at padding.
        segment_ids: int64[max_seq_length].
        p_mask: float32[max_seq_length], 0 at the tokens of the paragraph and at CLS, otherwise 1.
        cls_index: position of CLS.
    """

    input_mask: np.ndarray
    segment_ids: np.ndarray
    p_mask: np.ndarray
    cls_index: int


@dataclasses.dataclass(frozen=True)
class ParagraphSpan:
    """The part of a paragraph that is in a window, with read-only arrays.

    Attributes:
        index: index of the window among those of its question.
        start: index of the first piece.
        length: number of pieces.
        tok_start_to_orig_index: int64[max_seq_length], first character of each piece; 0 beyond the
            paragraph.
        tok_end_to_orig_index: int64[max_seq_length], last character of each piece; 0 beyond the
            paragraph.
        token_is_max_context: int64[max_seq_length], 1 if no other window gives the piece a better
            context; 0 otherwise, and beyond the paragraph.
    """

    index: int
    start: int
    length: int
    tok_start_to_orig_index: np.ndarray
    tok_end_to_orig_index: np.ndarray
    token_is_max_context: np.ndarray


@dataclasses.dataclass(frozen=True)
class Target:
    """The position of the answer in a window, for training.

    Attributes:
        start_position: position of the first token of the answer, or that of CLS if the answer is
            not in the window.
        end_position: position of the last token of the answer, or that of CLS.
        is_impossible: whether the answer is not in the window.
    """

    start_position: int
    end_position: int
    is_impossible: bool


@dataclasses.dataclass(frozen=True)
class Window:
    """One window, which together with its ids becomes a record.

    Attributes:
        input_ids: int64[max_seq_length].
        layout: the features that only depend on the lengths.
        span: the part of the paragraph in the window, with the features that decoding needs.
        target: position of the answer; None if the window is for evaluation.
    """

    input_ids: np.ndarray
    layout: Layout
    span: ParagraphSpan
    target: Target | None


class ParagraphWindows:
    """Makes the windows for the questions of a paragraph.

    Args:
        piece_ids: ids of the paragraph's pieces; may be empty.
        alignment: alignment of these pieces; None if there are none.
        config: the lengths of windows, questions and strides.
    """

    def __init__(
        self, piece_ids: Sequence[int], alignment: Alignment | None, config: WindowConfig
    ) -> None:
        self._ids = np.asarray(piece_ids, np.int64)
        self._alignment = alignment
        self._config = config
        # The keys are the room for the paragraph, which depends on the length of the question.
        self._spans: dict[int, list[ParagraphSpan]] = {}

    def windows(
        self,
        query_ids: Sequence[int],
        *,
        answer_pieces: tuple[int, int] | None = None,
        for_training: bool,
    ) -> Iterator[Window]:
        """Yields the windows of one question, in the order of the paragraph.

        Args:
            query_ids: ids of the question; those beyond `max_query_length` are cut off.
            answer_pieces: first and last piece of the answer; None if there is no answer.
            for_training: whether the windows have a target.
        """
        config = self._config
        query_ids = query_ids[: config.max_query_length]
        num_query = len(query_ids)
        tail = np.array([SEP_ID, *query_ids, SEP_ID, CLS_ID], np.int64)
        for span in self._spans_for(config.max_seq_length - num_query - NUM_SPECIAL_TOKENS):
            layout = _layout(span.length, num_query, config.max_seq_length)
            input_ids = np.full(config.max_seq_length, PAD_INPUT_ID, np.int64)
            input_ids[: span.length] = self._ids[span.start : span.start + span.length]
            input_ids[span.length : layout.cls_index + 1] = tail
            target = _target(span, layout, answer_pieces) if for_training else None
            yield Window(input_ids, layout, span, target)

    def _spans_for(self, room: int) -> list[ParagraphSpan]:
        num_pieces = len(self._ids)
        # All questions that leave room for the whole paragraph share the same span.
        room = min(room, max(num_pieces, 1))
        if room not in self._spans:
            if len(self._spans) == _MAX_ROOMS:
                del self._spans[next(iter(self._spans))]
            places = span_places(num_pieces, room, self._config.doc_stride)
            self._spans[room] = [
                self._make_span(index, start, length, is_max)
                for index, ((start, length), is_max) in enumerate(
                    zip(places, max_context(places, num_pieces), strict=True)
                )
            ]
        return self._spans[room]

    def _make_span(self, index: int, start: int, length: int, is_max: np.ndarray) -> ParagraphSpan:
        tok_start, tok_end, max_flags = np.zeros((3, self._config.max_seq_length), np.int64)
        if self._alignment is not None:
            part = slice(start, start + length)
            tok_start[:length] = self._alignment.tok_start_to_orig_index[part]
            tok_end[:length] = self._alignment.tok_end_to_orig_index[part]
            max_flags[:length] = is_max
        for array in (tok_start, tok_end, max_flags):
            array.setflags(write=False)
        return ParagraphSpan(index, start, length, tok_start, tok_end, max_flags)


def span_places(num_pieces: int, room: int, doc_stride: int) -> list[tuple[int, int]]:
    """Returns the first piece and the number of pieces of each window of a paragraph.

    An empty paragraph gets one window without pieces, so that its questions get predictions as
    well.
    """
    places = []
    start = 0
    while True:
        length = min(room, num_pieces - start)
        places.append((start, length))
        if start + length == num_pieces:
            return places
        start += min(length, doc_stride)


def max_context(places: Sequence[tuple[int, int]], num_pieces: int) -> list[np.ndarray]:
    """Finds out which pieces of each window have their best context there.

    The context of a piece is the number of pieces on its shorter side. In case of a tie, a longer
    window wins, and then an earlier one (as in the published preprocessing of BERT and XLNet).

    Returns:
        For each window, bool[length].
    """
    best_score = np.full(num_pieces, -1.0)
    best_window = np.zeros(num_pieces, np.int32)
    for window, (start, length) in enumerate(places):
        part = slice(start, start + length)
        left = np.arange(length)
        score = np.minimum(left, left[::-1]) + LENGTH_WEIGHT * length
        better = score > best_score[part]
        best_score[part][better] = score[better]
        best_window[part][better] = window
    return [
        best_window[start : start + length] == window
        for window, (start, length) in enumerate(places)
    ]


@functools.lru_cache(maxsize=_MAX_LAYOUTS)
def _layout(num_paragraph: int, num_query: int, max_seq_length: int) -> Layout:
    # Each separator belongs to the segment before it.
    end_of_paragraph = num_paragraph + 1
    cls_index = end_of_paragraph + num_query + 1
    segment_ids = np.full(max_seq_length, QuestionAnsweringSegmentId.PAD, np.int64)
    segment_ids[:end_of_paragraph] = QuestionAnsweringSegmentId.PARAGRAPH
    segment_ids[end_of_paragraph:cls_index] = QuestionAnsweringSegmentId.QUESTION
    segment_ids[cls_index] = QuestionAnsweringSegmentId.CLS
    input_mask = np.full(max_seq_length, MASKED, np.float32)
    input_mask[: cls_index + 1] = UNMASKED
    p_mask = np.full(max_seq_length, MASKED, np.float32)
    p_mask[:num_paragraph] = UNMASKED
    p_mask[cls_index] = UNMASKED
    for array in (segment_ids, input_mask, p_mask):
        array.setflags(write=False)
    return Layout(input_mask, segment_ids, p_mask, cls_index)


def _target(span: ParagraphSpan, layout: Layout, answer: tuple[int, int] | None) -> Target:
    if answer is not None:
        first, last = answer[0] - span.start, answer[1] - span.start
        if first >= 0 and last < span.length:
            return Target(first, last, is_impossible=False)
    return Target(layout.cls_index, layout.cls_index, is_impossible=True)
