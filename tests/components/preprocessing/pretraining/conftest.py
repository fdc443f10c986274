import random

import pytest

from components.tokenization import train_sentencepiece
from components.tokenization.tokenizer import Tokenizer

_SYLLABLES = ["ka", "lo", "mi", "nu", "re", "so", "ti", "va", "we", "xu"]


def make_sentence(draws: random.Random) -> str:
    words = [
        "".join(draws.choices(_SYLLABLES, k=draws.randint(1, 4)))
        for _ in range(draws.randint(3, 15))
    ]
    if draws.random() < 0.2:
        words.append(f"{draws.randint(1, 99)},000")
    return " ".join(words).capitalize() + draws.choice([".", "!", "?"])


def make_documents(number: int, seed: int) -> list[list[str]]:
    draws = random.Random(seed)
    return [[make_sentence(draws) for _ in range(draws.randint(1, 30))] for _ in range(number)]


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """A vocabulary trained on made-up words."""
    sentences = [sentence for document in make_documents(60, 0) for sentence in document]
    return Tokenizer(train_sentencepiece.train(sentences, vocabulary_size=150))
