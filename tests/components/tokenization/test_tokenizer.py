import collections
import gzip
import json
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest

from components import seeds
from components.tokenization import normalization
from components.tokenization.tokenizer import Tokenizer


def is_tie(ids, golden_ids):
    """Whether two segmentations have the same pieces in another order, hence the same score."""
    return sorted(ids) == sorted(golden_ids)


@pytest.mark.golden
@pytest.mark.real_data
def test_pieces_and_ids_as_the_reference(golden_root, published_vocabulary):
    tokenizer = Tokenizer(published_vocabulary)
    ties = collections.Counter()
    with gzip.open(golden_root / "tokenization" / "text_pieces.jsonl.gz", "rt") as lines:
        next(lines)
        for line in lines:
            row = json.loads(line)
            assert row["error"] is None
            ids = tokenizer.encode_normalized(row["preprocessed"])
            if ids != row["ids"] and is_tie(ids, row["ids"]):
                ties[json.dumps(row["kwargs"])] += 1
                continue
            assert ids == row["ids"], row["text"]
            assert tokenizer.pieces_normalized(row["preprocessed"]) == row["pieces"], row["text"]
    # sentencepiece 0.2.3, which made the file, orders these differently.
    assert len(ties) == 4
    assert set(ties.values()) == {5}


@pytest.mark.real_data
def test_published_vocabulary_on_a_sentence(published_vocabulary):
    tokenizer = Tokenizer(published_vocabulary, uncased=True)
    text = "I was born in 92000, and this is falsé."
    # From the reference's own unit test of its tokenizer.
    assert tokenizer.pieces(text) == (
        ["▁", "i", "▁was", "▁born", "▁in", "▁9", "2000", ",", "▁and", "▁this", "▁is", "▁false", "."]
    )
    assert tokenizer.encode(text) == [17, 150, 30, 1094, 25, 664, 7701, 19, 21, 52, 27, 4417, 9]


def test_batch_is_the_same_as_one_by_one(small_vocabulary):
    tokenizer = Tokenizer(small_vocabulary)
    texts = ["the cat, 2000, 2000,", "", " ", b"the dog", "日本 2000,", "a\ud800b"]
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]
    assert tokenizer.encode("") == []
    assert tokenizer.encode(" \u3000") == []


def test_ids_belong_to_pieces(small_vocabulary):
    tokenizer = Tokenizer(small_vocabulary)
    text = "in the year 2000, there 2000,2000, (old)"
    pieces = tokenizer.pieces(text)
    assert small_vocabulary.replacements
    assert tokenizer.encode(text) == [tokenizer.piece_to_id(piece) for piece in pieces]
    assert not any(len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit() for piece in pieces)
    assert tokenizer.decode(tokenizer.encode("the old dog")) == "the old dog"


def test_unknown_characters_appear_in_pieces(small_vocabulary):
    tokenizer = Tokenizer(small_vocabulary)
    assert tokenizer.pieces("日本")[-1] == "日本"
    assert tokenizer.encode("日本")[-1] == 0


def test_tokenizer_travels_to_workers(small_vocabulary):
    tokenizer = Tokenizer(small_vocabulary, uncased=True)
    received = pickle.loads(pickle.dumps(tokenizer))  # noqa: S301
    assert received.uncased
    assert received.encode("The Cat, 2000,") == tokenizer.encode("The Cat, 2000,")


def test_sampling_is_reproducible_and_obeys_the_rules(small_vocabulary):
    tokenizer = Tokenizer(small_vocabulary)
    text = "in the year 2000, the old dog"
    first, second = (
        [tokenizer.encode(text, sample=True, rng=seeds.generator(7, n)) for n in range(50)]
        for _ in range(2)
    )
    assert first == second
    assert len({tuple(ids) for ids in first}) > 10
    for ids in first:
        assert small_vocabulary.replacements.keys().isdisjoint(ids)
        assert tokenizer.decode(ids) == text
    pieces = tokenizer.pieces(text, sample=True, rng=seeds.generator(7, 3))
    assert [tokenizer.piece_to_id(piece) for piece in pieces] == first[3]
    assert tokenizer.encode("", sample=True) == []


@pytest.mark.real_data
def test_sampling_has_sentencepieces_distribution(published_vocabulary):
    """SentencePiece draws one of the n best segmentations by softmax(alpha * score)."""
    best = published_vocabulary.make_processor().NBestEncodeAsImmutableProto("New York", 64).nbests
    scores = np.array([segmentation.score for segmentation in best])
    weights = np.exp(0.1 * (scores - scores.max()))
    expected = {
        tuple(piece.id for piece in segmentation.pieces): weight / weights.sum()
        for segmentation, weight in zip(best, weights, strict=True)
    }
    tokenizer = Tokenizer(published_vocabulary)
    rng = np.random.default_rng(0)
    draws = 4000
    drawn = collections.Counter(
        tuple(tokenizer.encode("New York", sample=True, rng=rng)) for _ in range(draws)
    )
    assert set(drawn) <= set(expected)
    distance = sum(abs(drawn[ids] / draws - share) for ids, share in expected.items()) / 2
    # The mean absolute deviation of a binomial share, sqrt(2 p (1 - p) / (pi n)), for each outcome.
    by_chance = sum(math.sqrt(2 * p * (1 - p) / (math.pi * draws)) for p in expected.values()) / 2
    assert distance < 1.2 * by_chance


def test_text_is_normalised_first(small_vocabulary):
    tokenizer = Tokenizer(small_vocabulary, uncased=True, keep_accents=True)
    text = "  Thé\u3000CAT "
    expected = normalization.normalize(text, uncased=True, keep_accents=True)
    assert tokenizer.normalize(text) == expected == "thé cat"
    assert tokenizer.encode(text) == tokenizer.encode_normalized(expected)


def test_workers_need_no_tensorflow():
    """Importing it would cost each worker process seconds."""
    check = (
        "import sys; import components.tokenization.tokenizer; "
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'tfx')))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
