"""Aligns pieces with characters inside a TensorFlow graph, as `alignment.py` does in Python.

For nearly every text, the alignment is the identity shifted by one, which is checked for all texts
at once. The other texts are aligned one by one, with the same longest common subsequence and the
same fallbacks as in Python.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from components.preprocessing.question_answering import (
    alignment,
    graph_common_subsequence,
)
from components.tokenization import graph_normalization, ragged_substitution, unicode_tables
from components.tokenization.special_ids import SPIECE_UNDERLINE

_SPACE = ord(" ")


class GraphAlignment(NamedTuple):
    """The alignment of texts with their pieces.

    Attributes:
        tok_start_to_orig_index: int32 [pieces of all texts], the character at which each piece
            begins.
        tok_end_to_orig_index: int32 [pieces of all texts], the last character of each piece.
    """

    tok_start_to_orig_index: tf.Tensor
    tok_end_to_orig_index: tf.Tensor


class GraphAligner:
    """Aligns texts with their pieces.

    Args:
        uncased: whether the normalisation converts text to lower case.
        keep_accents: whether the normalisation keeps accents.
    """

    def __init__(self, *, uncased: bool, keep_accents: bool = False) -> None:
        self._table = unicode_tables.make_character_map(uncased=uncased, keep_accents=keep_accents)
        self._uncased = uncased

    def align(self, characters: tf.RaggedTensor, pieces: tf.RaggedTensor) -> GraphAlignment:
        """Aligns texts like `alignment.align`; a text may also have no pieces.

        Args:
            characters: int32 [n, (characters)], code points of the original texts.
            pieces: string [n, (pieces)], the result of `GraphTokenizer.pieces`, with "▁" for
                spaces.
        """
        symbols = characters.with_flat_values(self._symbols(characters.flat_values))
        piece_texts = tf.strings.regex_replace(
            tf.strings.reduce_join(pieces, axis=-1), SPIECE_UNDERLINE, " "
        )
        target = tf.strings.unicode_decode(
            piece_texts,
            "UTF-8",
        ).with_row_splits_dtype(tf.int32)
        orig_of_char = _within_rows(target) - 1
        is_shifted = _is_shifted(symbols, target) | (target.row_lengths() == 0)
        other = tf.cast(tf.where(~is_shifted)[:, 0], tf.int32)

        def align_row(row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            found, orig = self._match(characters[row], symbols[row], target[row])
            return orig, found

        # These texts are aligned one after another, because they are few, and a table can take
        # megabytes.
        matched, is_matched = tf.map_fn(
            align_row,
            other,
            fn_output_signature=(
                tf.RaggedTensorSpec([None], tf.int32, 0, tf.int32),
                tf.TensorSpec([], tf.bool),
            ),
            parallel_iterations=1,
        )
        first = tf.gather(target.row_starts(), other)
        length = tf.gather(target.row_lengths(), other)
        places = tf.ragged.range(first, first + length).flat_values
        orig_of_char = tf.tensor_scatter_nd_update(
            orig_of_char, places[:, None], matched.flat_values
        )
        is_proportional = tf.scatter_nd(
            other[:, None], tf.cast(~is_matched, tf.int32), tf.shape(is_shifted)
        )

        # This counts first bytes of characters, so a piece for any other byte has length 0.
        lengths = tf.strings.length(pieces.flat_values, "UTF8_CHAR")
        row = pieces.value_rowids()
        ends = tf.cumsum(lengths)
        starts = ends - tf.maximum(lengths, 1)
        in_text = tf.gather(characters.row_lengths(), row)
        row_bounds = (tf.gather(target.row_starts(), row), tf.gather(target.row_limits(), row))
        convert = _IndexConversion(orig_of_char, row_bounds, in_text)
        by_match = convert(starts, is_start=True), convert(ends - 1, is_start=False)

        # The last fallback: each piece gets a part of the text in proportion to its length.
        total = tf.gather(target.row_lengths(), row)
        row_starts = row_bounds[0]
        share = (starts - row_starts) * in_text // tf.maximum(total, 1)
        last = tf.maximum(share, (ends - row_starts) * in_text // tf.maximum(total, 1) - 1)
        use_share = tf.gather(is_proportional, row) > 0
        return GraphAlignment(
            tf.where(use_share, share, by_match[0]), tf.where(use_share, last, by_match[1])
        )

    def _symbols(self, characters: tf.Tensor) -> tf.Tensor:
        """Returns the code point that each character becomes, int32; -1 if none or several."""
        table = self._table
        entry = graph_normalization.entries(table, characters)
        single = tf.gather(table.values, tf.gather(table.starts, entry) % len(table.values))
        mapped = tf.where(tf.gather(table.lengths, entry) == 1, single, -1)
        return self._lower_sigma(tf.where(entry == 0, characters, mapped))

    def _expand(self, characters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns all code points that characters become, and the character of each; both int32."""
        is_space = tf.reduce_any(
            characters[:, None] == tf.constant(unicode_tables.whitespace_code_points()), axis=-1
        )
        entry = tf.where(is_space, 0, graph_normalization.entries(self._table, characters))
        each = tf.RaggedTensor.from_uniform_row_length(tf.where(is_space, _SPACE, characters), 1)
        expanded = ragged_substitution.substitute(
            each,
            entry,
            starts=self._table.starts,
            lengths=self._table.lengths,
            values=self._table.values,
            keeps_entry_0=True,
        )
        owners = tf.cast(expanded.value_rowids(), tf.int32)
        return self._lower_sigma(expanded.flat_values), owners

    def _lower_sigma(self, characters: tf.Tensor) -> tf.Tensor:
        # The table does not contain the capital sigma, because its lower case depends on its
        # neighbours. A character by itself has none, so its sigma is not a final one.
        if not self._uncased:
            return characters
        return tf.where(characters == ord(unicode_tables.CAPITAL_SIGMA), ord("σ"), characters)

    def _match(
        self, characters: tf.Tensor, symbols: tf.Tensor, target: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Matches one text.

        Returns:
            Whether the text could be matched, bool []; and for each character of the pieces' text,
            the character of the text that it is matched with, or -1, int32.
        """
        n, m = tf.size(symbols), tf.size(target)
        share = alignment.MIN_MATCHED_SHARE * tf.cast(n, tf.float64)
        min_length = tf.cast(tf.math.ceil(share), tf.int32)
        distance = tf.abs(n - m) + alignment.BAND_MARGIN
        none = tf.constant(False), tf.fill([m], -1)

        def in_band(band: int) -> tuple[tf.Tensor, tf.Tensor]:
            found = graph_common_subsequence.match(
                symbols, target, min_length=min_length, max_distance=distance * 2**band
            )
            # As published, the share must be exceeded, except with the last band, where reaching it
            # is enough.
            enough = found.found & (found.length > 0)
            if band == alignment.NUM_BANDS - 1:
                return enough, found.a_of_b
            enough &= tf.cast(found.length, tf.float64) > share
            return tf.cond(
                enough | found.is_too_different,
                lambda: (enough, found.a_of_b),
                lambda: in_band(band + 1),
            )

        # Without this, a text of which little can be matched would be searched in vain, in time
        # that grows with the square of its length; for example Korean, if NFKD takes it apart.
        can_match = graph_common_subsequence.num_common(symbols, target) >= min_length
        is_matched, orig = tf.cond(can_match, lambda: in_band(0), lambda: none)
        return tf.cond(
            is_matched,
            lambda: (is_matched, orig),
            lambda: self._match_parts(characters, target),
        )

    def _match_parts(self, characters: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """First fallback: matches both texts after expanding each character; see `_match`."""
        text, owner_in_text = self._expand(characters)
        parts, owner_in_pieces = self._expand(target)
        m = tf.size(target)

        def match_parts() -> tuple[tf.Tensor, tf.Tensor]:
            found = graph_common_subsequence.match(
                text, parts, min_length=tf.constant(0), max_distance=None
            )
            # The first matched part decides for a character.
            part = tf.range(tf.size(parts))
            none = tf.size(parts)
            first = tf.math.unsorted_segment_min(
                tf.where(found.a_of_b >= 0, part, none), owner_in_pieces, m
            )
            is_matched = first < none
            matched_part = tf.gather(found.a_of_b, tf.where(is_matched, first, 0))
            orig = tf.gather(owner_in_text, tf.maximum(matched_part, 0))
            return found.found & (found.length > 0), tf.where(is_matched, orig, -1)

        return tf.cond(
            (tf.size(text) > 0) & (tf.size(parts) > 0),
            match_parts,
            lambda: (tf.constant(False), tf.fill([m], -1)),
        )


class _IndexConversion:
    """Does the same as `alignment.convert_indices`, for rows that are concatenated.

    Args:
        index: int32 [n], the mapping, with -1 in its gaps; all other values increase within each
            row.
        row_bounds: beginning and end (exclusive) of the row of each position, both int32 [p].
        end: int32 [p], number of legal values for each position.
    """

    def __init__(
        self, index: tf.Tensor, row_bounds: tuple[tf.Tensor, tf.Tensor], end: tf.Tensor
    ) -> None:
        self._index = index
        self._row_bounds = row_bounds
        self._end = end
        # The additional entry, which no position reaches, ensures that there is one to gather.
        known = tf.cast(tf.where(index >= 0)[:, 0], tf.int32)
        self._known = tf.concat([known, [tf.size(index)]], 0)
        self._values = tf.concat([tf.gather(index, known), [0]], 0)

    def __call__(self, positions: tf.Tensor, *, is_start: bool) -> tf.Tensor:
        """Looks up the values at or around positions; int32 [p] → int32 [p]."""
        behind = tf.searchsorted(self._known, positions)
        before = tf.searchsorted(self._known, positions, side="right") - 1
        behind = tf.minimum(behind, tf.size(self._known) - 1)
        has_front = (before >= 0) & (
            tf.gather(self._known, tf.maximum(before, 0)) >= self._row_bounds[0]
        )
        has_rear = tf.gather(self._known, behind) < self._row_bounds[1]
        front = tf.gather(self._values, tf.maximum(before, 0))
        rear = tf.gather(self._values, behind)
        is_wide = rear > front + 1
        if is_start:
            between = tf.where(is_wide, front + 1, rear)
            at_begin = tf.zeros_like(rear)
            at_end = front + 1
        else:
            between = tf.where(is_wide, rear - 1, front)
            at_begin = tf.maximum(rear - 1, 0)
            at_end = self._end - 1
        at_end = tf.where(front < self._end - 1, at_end, front)
        around = tf.where(has_front & has_rear, between, tf.where(has_front, at_end, at_begin))
        own = tf.gather(self._index, positions)
        return tf.where(own >= 0, own, around)


def _within_rows(ragged: tf.RaggedTensor) -> tf.Tensor:
    """Returns the place of each value in its row; int32 [values]."""
    starts = tf.gather(ragged.row_starts(), ragged.value_rowids())
    return tf.range(tf.size(ragged.flat_values)) - starts


def _is_shifted(symbols: tf.RaggedTensor, target: tf.RaggedTensor) -> tf.Tensor:
    """Returns whether the pieces' text is the text after one different symbol; bool [n]."""
    row = target.value_rowids()
    place = _within_rows(target)
    size = tf.gather(symbols.row_lengths(), row)
    source = tf.gather(symbols.row_starts(), row) + tf.clip_by_value(place - 1, 0, size - 1)
    # The additional value is needed if no text has any characters.
    values = tf.concat([symbols.flat_values, [-1]], 0)
    source = tf.clip_by_value(source, 0, tf.size(symbols.flat_values))
    is_same = tf.gather(values, source) == target.flat_values
    fits = tf.where(place == 0, ~is_same, is_same)
    all_fit = tf.reduce_all(target.with_flat_values(fits), axis=-1)
    return all_fit & (target.row_lengths() == symbols.row_lengths() + 1)
