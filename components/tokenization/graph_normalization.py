"""Normalises text inside a TensorFlow graph, exactly as `normalization.py` does in Python."""

from __future__ import annotations

import tensorflow as tf

from components.tokenization import normalization, ragged_substitution, unicode_tables

_ASCII_TEXT = r"[\x00-\x7f]*"
_REPLACEMENT_CODE_POINT = 0xFFFD


def normalize(
    texts: tf.Tensor,
    *,
    uncased: bool = False,
    keep_accents: bool = False,
    collapse_whitespace: bool = True,
) -> tf.Tensor:
    """Normalises texts as XLNet's vocabulary expects them; see `normalization.normalize`.

    Args:
        texts: string [n]. Bytes that are not valid UTF-8 become U+FFFD.
        uncased: whether to convert the texts to lower case.
        keep_accents: whether to skip NFKD and the removal of combining characters.
        collapse_whitespace: whether to collapse runs of white space into one space.

    Returns:
        string [n], UTF-8.
    """
    # Most texts are ASCII and have nothing to decompose. Only the others go through the expensive
    # processing of single characters.
    is_ascii = tf.strings.regex_full_match(texts, _ASCII_TEXT)
    other = tf.where(~is_ascii)
    characters = tf.strings.regex_replace(
        to_unicode(tf.gather_nd(texts, other)),
        f"[{unicode_tables.noncharacter_class()}]",
        normalization.NONCHARACTER_STAND_IN,
    )
    texts = tf.tensor_scatter_nd_update(texts, other, characters)
    if collapse_whitespace:
        texts = tf.strings.strip(
            tf.strings.regex_replace(texts, f"[{unicode_tables.whitespace_class()}]+", " ")
        )
    texts = tf.strings.regex_replace(texts, "``|''", '"')
    if uncased:
        # Without an encoding, this only affects ASCII letters; the others are mapped below.
        texts = tf.strings.lower(texts)
    if uncased or not keep_accents:
        mapped = _map_characters(
            tf.gather_nd(texts, other), uncased=uncased, keep_accents=keep_accents
        )
        texts = tf.tensor_scatter_nd_update(texts, other, mapped)
    return texts


def to_unicode(texts: tf.Tensor) -> tf.Tensor:
    """Replaces bytes that are not valid UTF-8 by U+FFFD; string [n] → string [n]."""
    return tf.strings.unicode_transcode(
        texts,
        input_encoding="UTF-8",
        output_encoding="UTF-8",
        errors="replace",
        replacement_char=_REPLACEMENT_CODE_POINT,
    )


def _map_characters(texts: tf.Tensor, *, uncased: bool, keep_accents: bool) -> tf.Tensor:
    """Applies NFKD without combining characters, and lower case, to UTF-8 texts, string [n]."""
    table = unicode_tables.make_character_map(uncased=uncased, keep_accents=keep_accents)
    code_points = tf.strings.unicode_decode(texts, "UTF-8")
    texts = tf.strings.unicode_encode(
        ragged_substitution.substitute(
            code_points,
            entries(table, code_points.flat_values),
            starts=table.starts,
            lengths=table.lengths,
            values=table.values,
            keeps_entry_0=True,
        ),
        "UTF-8",
    )
    return _lower_sigma(texts) if uncased else texts


def entries(table: unicode_tables.CharacterMap, characters: tf.Tensor) -> tf.Tensor:
    """Looks up the table's entry for each code point; int32 [n] → int32 [n]."""
    page = tf.gather(table.page_of, characters // unicode_tables.PAGE_SIZE)
    return tf.gather_nd(
        table.pages, tf.stack([page, characters % unicode_tables.PAGE_SIZE], axis=-1)
    )


def _lower_sigma(texts: tf.Tensor) -> tf.Tensor:
    """Converts `Σ`, the only letter whose lower case depends on its context, to lower case.

    All other letters are in lower case already. That does not matter to the rule: lower-casing
    changes neither whether a character is cased nor whether it is case-ignorable.
    """
    cased, ignorable = unicode_tables.final_sigma_classes()
    sigma = unicode_tables.CAPITAL_SIGMA
    final = f"([{cased}][{ignorable}]*){sigma}([{ignorable}]*(?:[^{cased}{ignorable}]|$))"
    texts = tf.strings.regex_replace(texts, final, r"\1ς\2")
    return tf.strings.regex_replace(texts, sigma, "σ")
