"""Trains a SentencePiece model with the recipe of the published one.

The settings are those stored inside the published `spiece.model`: a unigram model with a character
coverage of 0.99995, `nmt_nfkc` normalisation, and XLNet's control and user-defined symbols.
"""

from __future__ import annotations

import heapq
import io
import logging
import re
from collections.abc import Iterable, Iterator, Sequence

import sentencepiece

from components import seeds
from components.tokenization import normalization, vocabulary
from components.tokenization.special_ids import (
    BOS_ID,
    CONTROL_SYMBOLS,
    EOS_ID,
    SPECIAL_PIECES,
    UNK_ID,
    USER_DEFINED_SYMBOLS,
)
from components.tokenization.vocabulary import Vocabulary

# As published.
PUBLISHED_MAX_SENTENCES = 10_000_000
# As many sentences of 25 words. SentencePiece takes about 25 bytes of memory per byte of ASCII text
# (docs/scaling.md).
MAX_BYTES = 1_300_000_000
CHARACTER_COVERAGE = 0.99995

# SentencePiece ignores lines longer than its limit (4192 bytes by default), so longer texts are
# split before.
_MAX_SENTENCE_BYTES = 4000
# SentencePiece adds up sums per thread, so the result depends on the number of threads. A fixed
# number (SentencePiece's default) gives the same result on every machine.
_NUM_THREADS = 16
_QUIET = 2

_TOO_HIGH = re.compile(r"too high \(\d+\)\. Please set it to a value <= (\d+)")

_logger = logging.getLogger(__name__)


class VocabularyTrainingError(ValueError):
    """The requested vocabulary cannot be made from this corpus."""


def train(
    texts: Iterable[str | bytes],
    *,
    vocabulary_size: int,
    uncased: bool = False,
    keep_accents: bool = False,
    max_sentences: int = PUBLISHED_MAX_SENTENCES,
    max_bytes: int = MAX_BYTES,
    seed: int = 0,
) -> Vocabulary:
    """Trains a vocabulary on texts.

    The same texts in the same order and the same arguments give the same model, byte for byte.

    Args:
        texts: raw texts; they are normalised in the same way as later for encoding.
        vocabulary_size: number of pieces, including the special ones. If the texts do not yield
            that many, the vocabulary is smaller and a warning is logged.
        uncased: whether texts are converted to lower case.
        keep_accents: whether texts keep their accents.
        max_sentences: maximum number of sentences to train on; if there are more, a uniform sample
            is used.
        max_bytes: maximum length of these sentences together, which bounds the memory.
        seed: seed for this sampling.

    Raises:
        VocabularyTrainingError: if there is no text, or `vocabulary_size` is too small for the
            special pieces and the different characters of the texts.
    """
    smallest = len(set(SPECIAL_PIECES) | set(USER_DEFINED_SYMBOLS)) + 1
    if vocabulary_size < smallest:
        raise VocabularyTrainingError(
            f"vocabulary_size is {vocabulary_size}, but XLNet's special pieces alone take "
            f"{smallest - 1}."
        )
    lines = _iterate_sentences(texts, uncased=uncased, keep_accents=keep_accents)
    sentences = _sample(lines, max_sentences, max_bytes, seed)
    if not sentences:
        raise VocabularyTrainingError("The corpus for the vocabulary has no text.")
    try:
        return _train(sentences, vocabulary_size)
    except RuntimeError as error:
        most = _TOO_HIGH.search(str(error))
        if not most or int(most[1]) < smallest:
            raise VocabularyTrainingError(
                _explain(str(error), vocabulary_size, len(sentences))
            ) from error
    size = int(most[1])
    _logger.warning(
        "the vocabulary has %s pieces instead of %s: the %s sentences of the corpus give no more",
        f"{size:,}",
        f"{vocabulary_size:,}",
        f"{len(sentences):,}",
    )
    return _train(sentences, size)


def _train(sentences: Sequence[str], vocabulary_size: int) -> Vocabulary:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        model_type="unigram",
        vocab_size=vocabulary_size,
        character_coverage=CHARACTER_COVERAGE,
        normalization_rule_name="nmt_nfkc",
        control_symbols=list(CONTROL_SYMBOLS),
        user_defined_symbols=list(USER_DEFINED_SYMBOLS),
        unk_id=UNK_ID,
        bos_id=BOS_ID,
        eos_id=EOS_ID,
        pad_id=-1,
        # The sentences have been sampled already, with our own seed; SentencePiece should use all
        # of them.
        shuffle_input_sentence=False,
        max_sentence_length=_MAX_SENTENCE_BYTES,
        num_threads=_NUM_THREADS,
        minloglevel=_QUIET,
    )
    return vocabulary.from_bytes(model.getvalue(), source="(trained)")


def _iterate_sentences(
    texts: Iterable[str | bytes], *, uncased: bool, keep_accents: bool
) -> Iterator[str]:
    """Yields normalised lines, split so that none is longer than SentencePiece accepts."""
    for text in texts:
        for line in normalization.to_unicode(text).splitlines():
            normalized = normalization.normalize(line, uncased=uncased, keep_accents=keep_accents)
            if normalized:
                yield from _cut(normalized)


def _cut(text: str) -> Iterator[str]:
    """Splits a text into parts of at most `_MAX_SENTENCE_BYTES`, at spaces where possible."""
    # A character takes at most 4 bytes, so this limit on characters is safe without encoding the
    # text.
    limit = _MAX_SENTENCE_BYTES if text.isascii() else _MAX_SENTENCE_BYTES // 4
    while len(text) > limit:
        end = text.rfind(" ", 1, limit + 1)
        end = limit if end < 0 else end
        yield text[:end]
        text = text[end:].lstrip(" ")
    if text:
        yield text


def _sample(sentences: Iterable[str], max_sentences: int, max_bytes: int, seed: int) -> list[str]:
    """Samples sentences uniformly, and returns them in their order.

    Every sentence draws a number, and those with the smallest numbers are kept, as many as fit.
    """
    rng = seeds.generator(seed, "vocabulary", "sentences")
    # A heap with the largest number on top. From the first sentence left out, whatever has a larger
    # number is left out too, or short sentences would be preferred.
    kept: list[tuple[float, int, str]] = []
    smallest_left_out = 1.0
    size = 0
    for number, sentence in enumerate(sentences):
        draw = rng.random()
        if draw >= smallest_left_out:
            continue
        heapq.heappush(kept, (-draw, number, sentence))
        size += _num_bytes(sentence)
        while len(kept) > max_sentences or size > max_bytes:
            negative, _, left_out = heapq.heappop(kept)
            smallest_left_out = -negative
            size -= _num_bytes(left_out)
    kept.sort(key=lambda item: item[1])
    return [sentence for _, _, sentence in kept]


def _num_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _explain(message: str, vocabulary_size: int, num_sentences: int) -> str:
    """Rephrases an error of SentencePiece in terms of what the user has set."""
    corpus = f"the {num_sentences:,} sentences of the corpus"
    too_high = _TOO_HIGH.search(message)
    if too_high:
        return (
            f"No vocabulary can be made from {corpus}: they give {int(too_high[1]):,} pieces at "
            "most, fewer than XLNet's special ones. Give more text."
        )
    too_low = re.search(r"smaller than required_chars\. \d+ vs (\d+)", message)
    if too_low:
        return (
            f"A vocabulary of {vocabulary_size:,} pieces is too small for {corpus}: their "
            f"characters and the special pieces alone take {int(too_low[1]):,}. Set a larger size."
        )
    return f"SentencePiece could not make a vocabulary from {corpus}: {message}"
