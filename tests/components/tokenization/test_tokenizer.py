import collections
import gzip
import json
import pickle
import subprocess
import sys

import pytest

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


def test_nothing_has_no_ids(small_vocabulary):
    tokenizer = Tokenizer(small_vocabulary)
    assert tokenizer.encode("") == []
    assert tokenizer.encode(" \u3000") == []


def test_ids_belong_to_pieces(small_vocabulary):
    tokenizer = Tokenizer(small_vocabulary)
    text = "in the year 2000, there 2000,2000, (old)"
    pieces = tokenizer.pieces(text)
    assert small_vocabulary.replacements
    assert tokenizer.encode(text) == [tokenizer.piece_to_id(piece) for piece in pieces]
    assert not any(len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit() for piece in pieces)


def test_unknown_characters_appear_in_pieces(small_vocabulary):
    tokenizer = Tokenizer(small_vocabulary)
    assert tokenizer.pieces("日本")[-1] == "日本"
    assert tokenizer.encode("日本")[-1] == 0


def test_tokenizer_travels_to_workers(small_vocabulary):
    tokenizer = Tokenizer(small_vocabulary, uncased=True)
    received = pickle.loads(pickle.dumps(tokenizer))  # noqa: S301
    assert received.uncased
    assert received.encode("The Cat, 2000,") == tokenizer.encode("The Cat, 2000,")


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
