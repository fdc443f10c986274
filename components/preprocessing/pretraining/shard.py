"""Turns the tokens of a shard into its records, ordered so that consecutive batches continue."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from components import seeds
from components.preprocessing.pretraining import masks, segments, serialization
from components.preprocessing.pretraining.config import PretrainingDataConfig

# The number of records whose segments and masks are drawn together. The bytes of the records depend
# on it. With seq_len 512, the arrays for a group take about 30 MB.
_RECORDS_AT_ONCE = 4096


@dataclasses.dataclass(frozen=True)
class ShardTokens:
    """The documents of a shard, one after another.

    Attributes:
        ids: unsigned [num_tokens], piece ids.
        sentence_starts: int64, ascending positions of the tokens that begin a sentence.
    """

    ids: np.ndarray
    sentence_starts: np.ndarray


@dataclasses.dataclass
class ShardStatistics:
    """Statistics on the records of a shard, collected while they are made.

    Attributes:
        num_records: number of records.
        num_continued: number of records in which B is what follows A (label 1).
        num_masked: number of masked tokens in all records.
        max_masked: largest number of masked tokens in a record.
    """

    num_records: int = 0
    num_continued: int = 0
    num_masked: int = 0
    max_masked: int = 0

    def add(self, labels: np.ndarray, is_masked: np.ndarray) -> None:
        """Adds records with these labels, int [n], and masks, bool [n, seq_len]."""
        masked = np.count_nonzero(is_masked, axis=1)
        self.num_records += len(labels)
        self.num_continued += int(labels.sum())
        self.num_masked += int(masked.sum())
        self.max_masked = max(self.max_masked, int(masked.max()))


def num_records(num_tokens: int, config: PretrainingDataConfig) -> int:
    """Returns how many records a shard with this many tokens gives; 0 if it fills no batch."""
    return config.batch_size * segments.num_batches(
        num_tokens // config.num_streams, seq_len=config.seq_len, reuse_len=config.reuse_len
    )


def num_unused_tokens(num_tokens: int, config: PretrainingDataConfig) -> int:
    """Returns how many tokens of a shard are in no batch, because they do not fill another one."""
    batches = num_records(num_tokens, config) // config.batch_size
    used = config.seq_len + (batches - 1) * config.reuse_len if batches else 0
    return num_tokens - config.num_streams * used


def build_records(
    tokens: ShardTokens,
    *,
    config: PretrainingDataConfig,
    starts_word: np.ndarray,
    split: str,
    shard: int,
    pass_index: int,
    statistics: ShardStatistics | None = None,
) -> Iterator[bytes]:
    """Makes the serialized records of a shard.

    Args:
        tokens: the documents of the shard.
        config: the settings that shape the records.
        starts_word: bool [vocabulary_size], whether each piece may begin a word.
        split: name of the split. Split, shard and pass determine the seeds of the draws.
        shard: index of the shard.
        pass_index: index of the pass.
        statistics: statistics to which the records are added, if given.
    """
    rows = segments.lay_out_rows(
        tokens.ids,
        tokens.sentence_starts,
        batch_size=config.batch_size,
        num_cores=config.num_cores,
        bi_data=config.bi_data,
    )
    total = segments.num_batches(rows.row_len, seq_len=config.seq_len, reuse_len=config.reuse_len)
    if not total:
        return
    encoded = serialization.EncodedRows(rows)
    place = (split, pass_index, shard)
    segment_draws = seeds.generator(config.seed, "pretraining segments", *place)
    mask_draws = seeds.generator(config.seed, "pretraining masks", *place)
    row_starts = _WordStarts(rows, starts_word, config)
    at_once = max(1, _RECORDS_AT_ONCE // config.batch_size)
    for first in range(0, total, at_once):
        chosen = segments.choose_segments(
            rows,
            range(first, min(first + at_once, total)),
            seq_len=config.seq_len,
            reuse_len=config.reuse_len,
            ab_len=config.ab_len,
            generator=segment_draws,
        )
        is_masked = _sample(rows, row_starts, chosen, config, mask_draws)
        if statistics is not None:
            statistics.add(chosen.label, is_masked)
        yield from serialization.serialize(encoded, chosen, is_masked, reuse_len=config.reuse_len)


class _WordStarts:
    """Looks up in the rows whether each token of a record may begin a word."""

    def __init__(self, rows: segments.Rows, starts_word: np.ndarray, config: PretrainingDataConfig):
        # The margin is needed because windows for B begin up to new_len tokens before B, and
        # windows for A may extend beyond the end of a row.
        margin = config.new_len
        flat = np.zeros(rows.ids.size + 2 * margin, bool)
        flat[margin:-margin] = starts_word[rows.ids].reshape(-1)
        self._reuse = np.lib.stride_tricks.sliding_window_view(flat, config.reuse_len)
        self._new = np.lib.stride_tricks.sliding_window_view(flat, config.new_len)
        self._margin = margin
        self._row_len = rows.row_len
        self._config = config

    def reused(self, chosen: segments.Segments) -> np.ndarray:
        """Returns the word starts in the reused parts; bool [n, reuse_len]."""
        return self._reuse[self._margin + chosen.row * self._row_len + chosen.begin]

    def new(self, chosen: segments.Segments) -> np.ndarray:
        """Returns the word starts in `A SEP B SEP CLS`; bool [n, new_len].

        Functional tokens count as words.
        """
        base = self._margin + chosen.row * self._row_len
        of_a = self._new[base + chosen.begin + self._config.reuse_len]
        of_b = self._new[base + chosen.b_begin - chosen.a_len - 1]
        starts = np.where(_positions(self._config) < chosen.a_len[:, None], of_a, of_b)
        return starts | functional_positions(chosen, self._config)


def functional_positions(chosen: segments.Segments, config: PretrainingDataConfig) -> np.ndarray:
    """Returns where `A SEP B SEP CLS` has `<sep>` or `<cls>`; bool [n, new_len]."""
    positions = _positions(config)
    return (positions == chosen.a_len[:, None]) | (positions >= config.new_len - 2)


def _positions(config: PretrainingDataConfig) -> np.ndarray:
    return np.arange(config.new_len, dtype=np.int64)


def _sample(
    rows: segments.Rows,
    row_starts: _WordStarts,
    chosen: segments.Segments,
    config: PretrainingDataConfig,
    generator: np.random.Generator,
) -> np.ndarray:
    """Draws the masks of both parts of each record; bool [n, seq_len]."""
    parameters = masks.MaskParameters(
        config.mask_strategy, config.mask_alpha, config.mask_beta, config.max_gram
    )
    backward = np.flatnonzero(rows.backward[chosen.row])
    starts = row_starts.reused(chosen)
    parts = (
        (starts, np.zeros_like(starts), config.goals[0]),
        (row_starts.new(chosen), functional_positions(chosen, config), config.goals[1]),
    )
    sampled = []
    for starts, functional, goal in parts:
        # A word begins with its first piece in reading order, so backward rows are reversed.
        starts[backward] = starts[backward, ::-1]
        functional[backward] = functional[backward, ::-1]
        mask = masks.sample_masks(
            starts, functional, parameters=parameters, goal=goal, generator=generator
        )
        mask[backward] = mask[backward, ::-1]
        sampled.append(mask)
    return np.concatenate(sampled, axis=1)
