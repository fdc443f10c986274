"""Serializes windows as records of type `components.records.QUESTION_ANSWERING`."""

from __future__ import annotations

import hashlib
from typing import TypeVar

import numpy as np

from components import array_examples
from components.preprocessing.question_answering.windows import Layout, ParagraphSpan, Window
from components.records import PAD_INPUT_ID

_T = TypeVar("_T")
# Maximum numbers of cached entries, which many records share. Few are enough, because one paragraph
# is processed after another.
_MAX_SHARED_SPANS = 64
_MAX_SHARED_LAYOUTS = 4096


def stable_unique_id(question_id: str, window: int) -> int:
    """Derives a non-negative int64 from a question's id and the number of one of its windows."""
    content = f"{window}:{question_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little") >> 1


def features(
    window: Window, *, question_id: str, unique_id: int
) -> dict[str, np.ndarray | int | float | bytes]:
    """Returns the features of a record by name, as arrays and scalars.

    Args:
        window: the window. If it has a target, the record is for training, otherwise for
            evaluation.
        question_id: id of the question, for the feature `qas_id`.
        unique_id: id of the record, for the feature `unique_ids`.
    """
    common = {
        "unique_ids": unique_id,
        "input_ids": window.input_ids,
        "input_mask": window.layout.input_mask,
        "segment_ids": window.layout.segment_ids,
        "p_mask": window.layout.p_mask,
        "cls_index": window.layout.cls_index,
    }
    if window.target is not None:
        return common | {
            "start_positions": window.target.start_position,
            "end_positions": window.target.end_position,
            "is_impossible": float(window.target.is_impossible),
        }
    return common | {
        "qas_id": question_id.encode("utf-8", "surrogatepass"),
        "paragraph_len": window.span.length,
        "tok_start_to_orig_index": window.span.tok_start_to_orig_index,
        "tok_end_to_orig_index": window.span.tok_end_to_orig_index,
        "token_is_max_context": window.span.token_is_max_context,
    }


class RecordEncoder:
    """Serializes windows, and encodes only once what windows of a paragraph have in common.

    For this to be effective, encode all windows of a paragraph one after another.
    """

    def __init__(self) -> None:
        # The keys are identities of objects. The values contain the objects, so they are kept
        # alive.
        self._layouts: dict[int, tuple[Layout, bytes]] = {}
        self._ids: dict[int, tuple[ParagraphSpan, bytes]] = {}
        self._spans: dict[int, tuple[ParagraphSpan, bytes]] = {}

    def encode(self, window: Window, *, question_id: str, unique_id: int) -> bytes:
        """Returns a serialized tf.train.Example with the features that `features` returns."""
        entries = [
            array_examples.scalar_entry("unique_ids", unique_id),
            array_examples.packed_int64_entry("input_ids", self._input_ids(window)),
            self._layout(window.layout),
        ]
        target = window.target
        if target is not None:
            entries += (
                array_examples.scalar_entry("start_positions", target.start_position),
                array_examples.scalar_entry("end_positions", target.end_position),
                array_examples.float_entry("is_impossible", [target.is_impossible]),
            )
        else:
            qas_id = question_id.encode("utf-8", "surrogatepass")
            entries += (array_examples.bytes_entry("qas_id", [qas_id]), self._span(window.span))
        return array_examples.encode(entries)

    def _input_ids(self, window: Window) -> bytes:
        span, ids, cls_index = window.span, window.input_ids, window.layout.cls_index
        found = self._ids.get(id(span))
        if found is None:
            found = (span, array_examples.varints(ids[: span.length]))
            _remember(self._ids, found, _MAX_SHARED_SPANS)
        question = array_examples.varints(ids[span.length : cls_index + 1])
        padding = array_examples.varint(PAD_INPUT_ID) * (len(ids) - cls_index - 1)
        return found[1] + question + padding

    def _layout(self, layout: Layout) -> bytes:
        found = self._layouts.get(id(layout))
        if found is None:
            entries = (
                array_examples.float_entry("input_mask", layout.input_mask),
                array_examples.int64_entry("segment_ids", layout.segment_ids),
                array_examples.float_entry("p_mask", layout.p_mask),
                array_examples.scalar_entry("cls_index", layout.cls_index),
            )
            found = (layout, b"".join(entries))
            _remember(self._layouts, found, _MAX_SHARED_LAYOUTS)
        return found[1]

    def _span(self, span: ParagraphSpan) -> bytes:
        found = self._spans.get(id(span))
        if found is None:
            int64_entry = array_examples.int64_entry
            entries = (
                array_examples.scalar_entry("paragraph_len", span.length),
                int64_entry("tok_start_to_orig_index", span.tok_start_to_orig_index),
                int64_entry("tok_end_to_orig_index", span.tok_end_to_orig_index),
                int64_entry("token_is_max_context", span.token_is_max_context),
            )
            found = (span, b"".join(entries))
            _remember(self._spans, found, _MAX_SHARED_SPANS)
        return found[1]


def _remember(cache: dict[int, tuple[_T, bytes]], found: tuple[_T, bytes], limit: int) -> None:
    if len(cache) >= limit:
        cache.clear()
    cache[id(found[0])] = found
