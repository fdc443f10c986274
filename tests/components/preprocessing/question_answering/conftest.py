import pytest

from components.tokenization import train_sentencepiece
from components.tokenization.tokenizer import Tokenizer

TEXTS = [
    "The cat sat on the mat, and the dog lay on the rug.",
    "Where did the cat sit? Who lay on the rug?",
    "In 2019, ten cats and four dogs lived in the old house by the river.",
]


@pytest.fixture(scope="session")
def tiny_tokenizer() -> Tokenizer:
    trained = train_sentencepiece.train(TEXTS * 5, vocabulary_size=56)
    return Tokenizer(trained)


@pytest.fixture(scope="session")
def published_tokenizer(data_root) -> Tokenizer:
    return Tokenizer.from_file(str(data_root / "xlnet" / "spiece.model"))
