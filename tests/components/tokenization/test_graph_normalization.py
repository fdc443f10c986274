"""The in-graph normalisation against Python's, character by character and in combination."""

import random
import sys
import unicodedata

import pytest
import tensorflow as tf

from components.tokenization import graph_normalization, normalization

OPTIONS = [
    {},
    {"uncased": True},
    {"keep_accents": True},
    {"uncased": True, "keep_accents": True},
    {"collapse_whitespace": False},
]
# Unassigned and private characters are all alike; a tenth of a percent of them will do.
CHARACTERS = [
    chr(c)
    for c in range(sys.maxunicode + 1)
    if not 0xD800 <= c < 0xE000
    and (unicodedata.category(chr(c)) not in ("Cn", "Co") or c % 997 == 0)
]
# What the rules look at, and what they might stumble over.
INGREDIENTS = [
    *"ΣσςAb .'`\"",
    *("''", "``", "İ", "ǅ", "ﬁ", "한", "😀", "𝚺", "ʰ", "1,"),
    *("\u0301", "\u0345", "\u00ad", "\u2028", "\x1c", "\x85", "\u3000", "\x00", "\ufffd", "\u200b"),
    *("\ufdd0", "\uffff", "\U0001fffe"),
]


def _assert_same(texts, options):
    function = tf.function(
        lambda batch: graph_normalization.normalize(batch, **options),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    encoded = [text if isinstance(text, bytes) else text.encode() for text in texts]
    for text, found in zip(texts, function(tf.constant(encoded)).numpy(), strict=True):
        assert found.decode() == normalization.normalize(text, **options), ascii(text)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_character(options):
    _assert_same([f"a{character}B" for character in CHARACTERS], options)


@pytest.mark.parametrize("keep_accents", [False, True])
@pytest.mark.parametrize("context", ["AxΣ", "xΣ", "AΣxA", "AΣx"])
def test_final_sigma_beside_every_character(context, keep_accents):
    _assert_same(
        [context.replace("x", character) for character in CHARACTERS],
        {"uncased": True, "keep_accents": keep_accents},
    )


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_random_combinations(options):
    draw = random.Random(0)
    texts = ["".join(draw.choices(INGREDIENTS, k=draw.randint(0, 12))) for _ in range(20_000)]
    _assert_same(texts, options)


def test_bytes_that_are_not_utf8():
    draw = random.Random(0)
    # Starts and continuations of sequences, overlong forms, surrogates, beyond U+10FFFF.
    pool = bytes.fromhex("41 20 e3 80 81 c2 a0 ed f0 9f 98 ff f4 90 c0 e0")
    texts = [bytes(draw.choices(pool, k=draw.randint(1, 6))) for _ in range(20_000)]
    _assert_same(texts, {})


def test_no_texts():
    assert graph_normalization.normalize(tf.zeros([0], tf.string), uncased=True).shape == [0]
