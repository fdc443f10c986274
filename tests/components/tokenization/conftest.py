"""Vocabularies for the tests: the published one, and a small one trained here."""

import pytest

from components.tokenization import train_sentencepiece, vocabulary

SMALL_SIZE = 70
# Numbers with commas, so that pieces for the comma rule are learned.
SMALL_CORPUS = [
    'the king of the hill (who is old) said: "no" - and that\'s that.',
    "quick brown foxes jump over lazy dogs, 15 times a day",
    "whoever jumps over the hill finds an older king, and foxes, and dogs",
    *["a dog 2000, 2000, 2000, 17, the cat 2000, 2000,"] * 9,
]


@pytest.fixture(scope="session")
def small_vocabulary():
    return train_sentencepiece.train(SMALL_CORPUS * 5, vocabulary_size=SMALL_SIZE)


@pytest.fixture(scope="session")
def published_vocabulary(data_root):
    return vocabulary.load(str(data_root / "xlnet" / "spiece.model"))
