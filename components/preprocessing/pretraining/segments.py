"""Chooses where the segments A and B of each record begin and end, for many records at once.

A row is a stream of tokens, divided into sentences at its cut points. A record consists of
`reuse_len` tokens, then A, which ends at a cut point, and then B, which is either what follows A or
a stretch from a random place in the same row. Both are shortened until they fill the record (paper
§2.5, §3.1).
"""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Rows:
    """Streams of tokens of equal length, one per row of a batch.

    Attributes:
        ids: unsigned [num_rows, row_len], piece ids; backward rows are stored in reverse.
        cuts: int64 [num_cuts], ascending, the cut points: `row * row_len + position` of each token
            that begins a sentence, except for the first token of a row.
        backward: bool [num_rows], whether a row runs backwards.
    """

    ids: np.ndarray
    cuts: np.ndarray
    backward: np.ndarray

    @property
    def row_len(self) -> int:
        """The number of tokens per row."""
        return self.ids.shape[1]


@dataclasses.dataclass(frozen=True)
class Segments:
    """The segments of records, batch by batch and row by row; all arrays are [num_records].

    Attributes:
        row: index of the record's row.
        begin: position in the row of the record's first token.
        a_len: number of tokens of A, which begins at `begin + reuse_len`.
        b_begin: position in the row of B's first token.
        b_len: number of tokens of B.
        label: 1 if B is what follows A, otherwise 0.
    """

    row: np.ndarray
    begin: np.ndarray
    a_len: np.ndarray
    b_begin: np.ndarray
    b_len: np.ndarray
    label: np.ndarray


def lay_out_rows(
    ids: np.ndarray,
    sentence_starts: np.ndarray,
    *,
    batch_size: int,
    num_cores: int,
    bi_data: bool,
) -> Rows:
    """Divides the tokens of a shard into the rows of its batches.

    With `bi_data`, the first half of each core's rows are forward, and the second half are the same
    rows backward. So the model knows from the row in which direction a text runs.

    Args:
        ids: [num_tokens], piece ids.
        sentence_starts: ascending positions of the tokens that begin a sentence.
        batch_size: number of rows.
        num_cores: number of cores among which the rows are divided.
        bi_data: whether half of the rows run backwards.
    """
    num_streams = batch_size // 2 if bi_data else batch_size
    row_len = len(ids) // num_streams
    streams = ids[: num_streams * row_len].reshape(num_streams, row_len)
    limits = np.searchsorted(sentence_starts, np.arange(num_streams + 1) * row_len)
    cuts = []
    for stream in range(num_streams):
        positions = sentence_starts[limits[stream] : limits[stream + 1]] - stream * row_len
        cuts.append(positions[positions > 0].astype(np.int64))
    if not bi_data:
        order = [(stream, False) for stream in range(num_streams)]
    else:
        per_core = num_streams // num_cores
        order = [
            (core * per_core + stream, backward)
            for core in range(num_cores)
            for backward in (False, True)
            for stream in range(per_core)
        ]
    rows = np.empty((batch_size, row_len), ids.dtype)
    row_cuts = [np.empty(0, np.int64)]
    for row, (stream, backward) in enumerate(order):
        rows[row] = streams[stream, ::-1] if backward else streams[stream]
        # Read backwards, a boundary before token p is a boundary before token row_len - p.
        positions = row_len - cuts[stream][::-1] if backward else cuts[stream]
        row_cuts.append(row * row_len + positions)
    return Rows(
        ids=rows,
        cuts=np.concatenate(row_cuts),
        backward=np.array([backward for _, backward in order], dtype=bool),
    )


def num_batches(row_len: int, *, seq_len: int, reuse_len: int) -> int:
    """Returns how many batches rows of this length give.

    Each batch begins `reuse_len` tokens after the one before it.
    """
    return (row_len - seq_len) // reuse_len + 1 if row_len >= seq_len else 0


def choose_segments(
    rows: Rows,
    batches: range,
    *,
    seq_len: int,
    reuse_len: int,
    ab_len: int,
    generator: np.random.Generator,
) -> Segments:
    """Draws A, B and the label of every record in consecutive batches.

    Half of the records get a random B, and so do all records in which there is no cut point to end
    A. The draws are not in the order of the published code, but their distribution is the same,
    because the choices for different records are independent.

    Args:
        rows: the rows of the shard.
        batches: indices of the batches, all of which must fit into the rows (see `num_batches`).
        seq_len: number of tokens in a record.
        reuse_len: number of tokens before A.
        ab_len: number of tokens of A and B together.
        generator: generator for all draws.
    """
    num_rows, row_len = rows.ids.shape
    row = np.tile(np.arange(num_rows, dtype=np.int64), len(batches))
    begin = np.repeat(np.asarray(batches, dtype=np.int64) * reuse_len, num_rows)
    a_begin = begin + reuse_len
    row_begin, row_end = row * row_len, (row + 1) * row_len
    draws = generator.random((3, len(row)))

    # Finds the cut points inside the room of A and B, and the first one at or after its end.
    first = np.searchsorted(rows.cuts, row_begin + a_begin, side="right")
    last = np.searchsorted(rows.cuts, row_begin + a_begin + ab_len, side="left")
    num_cuts = last - first
    cuts = np.append(rows.cuts, row_len * num_rows)
    # The last token of a row has no next token to be its target, so segments must end before it.
    # (The published code ends the whole file at the first record in which a segment does not.)
    sentence_end = np.minimum(cuts[last], row_end - 1) - row_begin

    has_cut = num_cuts > 0
    is_random = ~has_cut | (draws[0] < 0.5)
    chosen = cuts[np.minimum(first + (draws[1] * num_cuts).astype(np.int64), len(cuts) - 1)]
    a_end = np.where(has_cut, chosen - row_begin, sentence_end)

    wanted = np.maximum(1, ab_len - (a_end - a_begin))
    random_begin = (draws[2] * (row_len - wanted)).astype(np.int64)
    random_end = random_begin + wanted
    # The random stretch is extended to whole sentences on both sides.
    before = np.searchsorted(cuts, row_begin + random_begin, side="right") - 1
    after = np.searchsorted(cuts, row_begin + random_end, side="left")
    sentence_begin = np.maximum(np.where(before >= 0, cuts[before], 0), row_begin) - row_begin
    random_end = np.minimum(cuts[after], row_end - 1) - row_begin

    b_begin = np.where(is_random, sentence_begin, a_end)
    b_end = np.where(is_random, random_end, sentence_end)
    a_len = shortened_a_len(a_end - a_begin, b_end - b_begin, ab_len)
    return Segments(
        row=row,
        begin=begin,
        a_len=a_len,
        b_begin=b_begin,
        b_len=ab_len - a_len,
        label=np.where(is_random, 0, 1),
    )


def shortened_a_len(a_len: np.ndarray, b_len: np.ndarray, total: int) -> np.ndarray:
    """Returns the length of A after A and B have been shortened to `total` tokens.

    As published, the longer one loses one token at a time (B if they are equally long). In closed
    form, A is only shortened as far as to half of `total` (rounded up), or to what B leaves free if
    that is more. `a_len + b_len` must be at least `total`.
    """
    return np.minimum(a_len, np.maximum((total + 1) // 2, total - b_len))
