import io

import pytest
import sentencepiece

from components.tokenization import special_ids, train_sentencepiece, vocabulary
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
def byte_tokenizer() -> Tokenizer:
    """Spells what is not in the texts by its bytes in UTF-8."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(TEXTS * 5),
        model_writer=model,
        vocab_size=320,
        hard_vocab_limit=False,
        byte_fallback=True,
        control_symbols=list(special_ids.CONTROL_SYMBOLS),
        user_defined_symbols=list(special_ids.USER_DEFINED_SYMBOLS),
        unk_id=special_ids.UNK_ID,
        bos_id=special_ids.BOS_ID,
        eos_id=special_ids.EOS_ID,
        pad_id=-1,
        minloglevel=2,
    )
    return Tokenizer(vocabulary.from_bytes(model.getvalue()))


@pytest.fixture(scope="session")
def published_tokenizer(data_root) -> Tokenizer:
    return Tokenizer.from_file(str(data_root / "xlnet" / "spiece.model"))
