"""Serializes pretraining records as tf.train.Examples by cutting slices out of encoded rows.

Every token of a row occurs in several records, and twice in each: as an input, and as the target of
the token before it. So each row is encoded only once, to the bytes that its ids have in a packed
int64 list, and records are assembled from slices of these bytes. For example, the inputs of A are
one slice, and its targets are the same slice shifted by one token.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from components.array_examples import varint
from components.preprocessing.pretraining.segments import Rows, Segments
from components.records import PretrainingSegmentId
from components.tokenization.special_ids import CLS_ID, SEP_ID

_SEP = varint(SEP_ID)
_SEP_CLS = varint(SEP_ID) + varint(CLS_ID)
# The targets of the last two positions, which none has.
_NO_TARGETS = 2 * varint(CLS_ID)
# Tags in the protobuf wire format: fields 1, 2 and 3, each length-delimited.
_FIELD_1 = b"\x0a"
_FIELD_2 = b"\x12"
_INT64_LIST = b"\x1a"


class EncodedRows:
    """Rows of piece ids, encoded as varints.

    Attributes:
        content: the varints of all rows, one row after another.
        offsets: int32 or int64 [num_rows, row_len + 1], where the varint of each token begins in
            `content`.
    """

    def __init__(self, rows: Rows) -> None:
        digits, lengths = _varint_table(int(rows.ids.max(initial=0)) + 1)
        parts = []
        # The offsets take much of a worker's memory, so they are only int64 beyond 2 GB of content.
        fits = rows.ids.size * len(digits) < 1 << 31
        self.offsets = np.zeros((len(rows.ids), rows.row_len + 1), np.int32 if fits else np.int64)
        total = 0
        for row, ids in enumerate(rows.ids):
            lengths_here = lengths[ids]
            offsets = self.offsets[row]
            np.cumsum(lengths_here, out=offsets[1:])
            content = np.empty(offsets[-1], np.uint8)
            content[offsets[:-1]] = digits[0][ids]
            for place in range(1, len(digits)):
                longer = np.flatnonzero(lengths_here > place)
                content[offsets[longer] + place] = digits[place][ids[longer]]
            parts.append(content.tobytes())
            offsets += total
            total += len(content)
        self.content = b"".join(parts)


def serialize(
    encoded: EncodedRows, segments: Segments, is_masked: np.ndarray, *, reuse_len: int
) -> Iterator[bytes]:
    """Serializes records in the order of their segments.

    Args:
        encoded: the rows from which the segments were chosen.
        segments: the segments of `n` records.
        is_masked: bool [n, seq_len], whether each token is masked.
        reuse_len: number of tokens before A.

    Yields:
        Serialized tf.train.Examples with the features of `components.records.PRETRAINING`, in the
        order of their names.
    """
    num_records, seq_len = is_masked.shape
    separator = segments.begin + reuse_len + segments.a_len
    b_end = segments.b_begin + segments.b_len

    def places(position: np.ndarray) -> list[int]:
        return encoded.offsets[segments.row, position].tolist()

    ends = _Ends(seq_len)
    content, masks = encoded.content, is_masked.view(np.uint8).tobytes()
    slices = zip(
        range(0, num_records * seq_len, seq_len),
        segments.label.tolist(),
        (reuse_len + segments.a_len).tolist(),
        places(segments.begin),
        places(separator),
        places(segments.b_begin),
        places(b_end),
        places(segments.begin + 1),
        places(separator + 1),
        places(b_end + 1),
        strict=True,
    )
    # The separator after A has the first token of B as its target, and the last token of B has the
    # token that follows it in the row. The last two targets are padding.
    for mask, label, before_sep, a, a_end, b, b_end_, a_next, a_next_end, b_next_end in slices:
        num_input = a_end - a + b_end_ - b + 3
        num_target = a_next_end - a_next + b_next_end - b + 2
        features = b"".join(
            (
                ends.input(num_input),
                content[a:a_end],
                _SEP,
                content[b:b_end_],
                _SEP_CLS,
                ends.is_masked,
                masks[mask : mask + seq_len],
                ends.label[label],
                ends.segment_ids(before_sep),
                ends.target(num_target),
                content[a_next:a_next_end],
                content[b:b_next_end],
                _NO_TARGETS,
            )
        )
        yield ends.example(len(features)) + features


class _Ends:
    """The bytes before the values of each feature, which are made once per length."""

    def __init__(self, seq_len: int) -> None:
        self._seq_len = seq_len
        self._input: dict[int, bytes] = {}
        self._target: dict[int, bytes] = {}
        self._example: dict[int, bytes] = {}
        self._segment_ids: dict[int, bytes] = {}
        self.is_masked = _feature_head(b"is_masked", seq_len)
        self.label = [_feature_head(b"label", 1) + bytes([label]) for label in (0, 1)]

    def input(self, num_bytes: int) -> bytes:
        return _memoised(self._input, b"input", num_bytes)

    def target(self, num_bytes: int) -> bytes:
        return _memoised(self._target, b"target", num_bytes)

    def segment_ids(self, before_separator: int) -> bytes:
        """Returns the whole entry of `seg_id`; each separator belongs to the segment before it."""
        entry = self._segment_ids.get(before_separator)
        if entry is None:
            of_a = before_separator + 1
            entry = (
                _feature_head(b"seg_id", self._seq_len)
                + bytes([PretrainingSegmentId.A]) * of_a
                + bytes([PretrainingSegmentId.B]) * (self._seq_len - of_a - 1)
                + bytes([PretrainingSegmentId.CLS])
            )
            self._segment_ids[before_separator] = entry
        return entry

    def example(self, num_bytes: int) -> bytes:
        head = self._example.get(num_bytes)
        if head is None:
            head = self._example[num_bytes] = _FIELD_1 + varint(num_bytes)
        return head


def _memoised(heads: dict[int, bytes], name: bytes, num_bytes: int) -> bytes:
    head = heads.get(num_bytes)
    if head is None:
        head = heads[num_bytes] = _feature_head(name, num_bytes)
    return head


def _feature_head(name: bytes, num_bytes: int) -> bytes:
    """Returns the bytes before the packed values of an int64 feature in `Features.feature`."""
    packed = _FIELD_1 + varint(num_bytes)
    int64_list = _INT64_LIST + varint(len(packed) + num_bytes) + packed
    key = _FIELD_1 + varint(len(name)) + name
    value = _FIELD_2 + varint(len(int64_list) + num_bytes) + int64_list
    entry = key + value
    return _FIELD_1 + varint(len(entry) + num_bytes) + entry


def _varint_table(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the varints of 0 … size - 1: their digits, uint8 [1 to 5, size], and their lengths.

    The lengths are uint8 [size].
    """
    values = np.arange(size, dtype=np.int64)
    shifts = 7 * np.arange(len(varint(size - 1)))[:, None]
    digits = (values >> shifts) & 0x7F
    lengths = np.maximum(1, (values >> shifts != 0).sum(axis=0))
    more = np.arange(len(digits))[:, None] < lengths - 1
    return (digits | np.where(more, 0x80, 0)).astype(np.uint8), lengths.astype(np.uint8)
