import pytest
from sentencepiece import sentencepiece_model_pb2

from components.tokenization import train_sentencepiece
from components.tokenization.special_ids import SPECIAL_PIECES
from components.tokenization.tokenizer import Tokenizer
from tests.components.tokenization.conftest import SMALL_CORPUS, SMALL_SIZE


@pytest.fixture(scope="module")
def small_proto(small_vocabulary):
    return sentencepiece_model_pb2.ModelProto.FromString(small_vocabulary.model)


def test_pieces_as_in_the_published_model(small_proto):
    pieces = [piece.piece for piece in small_proto.pieces]
    assert pieces[:9] == list(SPECIAL_PIECES)
    assert pieces[9:17] == [".", "(", ")", '"', "-", "–", "£", "€"]
    assert len(pieces) == SMALL_SIZE


@pytest.mark.real_data
def test_recipe_as_in_the_published_model(small_proto, published_vocabulary):
    published = sentencepiece_model_pb2.ModelProto.FromString(published_vocabulary.model)
    for field in ("model_type", "control_symbols", "user_defined_symbols", "character_coverage"):
        assert getattr(small_proto.trainer_spec, field) == getattr(published.trainer_spec, field)
    for field in ("name", "add_dummy_prefix", "remove_extra_whitespaces", "escape_whitespaces"):
        found = getattr(small_proto.normalizer_spec, field)
        assert found == getattr(published.normalizer_spec, field)
    types = [piece.type for piece in published.pieces[:17]]
    assert [piece.type for piece in small_proto.pieces[:17]] == types


def test_training_is_deterministic(small_vocabulary):
    again = train_sentencepiece.train(SMALL_CORPUS * 5, vocabulary_size=SMALL_SIZE)
    assert again.model == small_vocabulary.model


def test_sampling_is_bounded_and_seeded():
    texts = [f"{word} {n}" for n in range(200) for word in ("alpha", "beta", "gamma")]
    options = {"vocabulary_size": 40, "max_sentences": 50}
    first = train_sentencepiece.train(texts, seed=1, **options)
    assert train_sentencepiece.train(texts, seed=1, **options).model == first.model
    assert train_sentencepiece.train(texts, seed=2, **options).model != first.model


def test_the_sample_is_bounded_in_bytes_and_uniform():
    # Every third sentence is ten times as long, and not ASCII.
    texts = [f"{n:04d} " + ("é" * 25 if n % 3 == 0 else "") for n in range(3000)]
    kept = train_sentencepiece._sample(texts, 10**9, 20_000, seed=1)
    assert 19_900 < sum(len(text.encode()) for text in kept) <= 20_000
    # A uniform sample of 20,000 of 65,000 bytes has 923 of 3,000 sentences, a third of them long.
    assert 870 < len(kept) < 980
    assert 0.30 < sum(len(text) > 5 for text in kept) / len(kept) < 0.37
    assert kept == sorted(kept)
    assert sum(text < "1500" for text in kept) == pytest.approx(len(kept) / 2, rel=0.1)
    assert train_sentencepiece._sample(texts, 10**9, 65_000, seed=1) == texts


def test_uncased_vocabulary_has_no_capitals():
    vocabulary = train_sentencepiece.train(["The Cat Sat"] * 20, vocabulary_size=24, uncased=True)
    processor = vocabulary.make_processor()
    pieces = "".join(processor.IdToPiece(i) for i in range(9, vocabulary.size))
    assert pieces == pieces.lower()


def test_long_texts_are_cut_not_dropped():
    # One line of 60 kB without and one with spaces; SentencePiece skips lines over 4,192 bytes.
    vocabulary = train_sentencepiece.train(["xyz" * 20_000, "klm né " * 9_000], vocabulary_size=30)
    assert 0 not in Tokenizer(vocabulary).encode("xyzklm ne")


def test_a_vocabulary_is_as_large_as_the_texts_allow(caplog):
    vocabulary = train_sentencepiece.train(["hello world"], vocabulary_size=5000)
    assert vocabulary.size == 25
    assert "25 pieces instead of 5,000: the 1 sentences of the corpus give no more" in caplog.text
    assert vocabulary == train_sentencepiece.train(["hello world"], vocabulary_size=25)


@pytest.mark.parametrize(
    ("texts", "size", "message"),
    [
        ([], 100, "has no text"),
        ([" ", "\n"], 100, "has no text"),
        (["abcdefghijklmnop"], 20, r"20 pieces is too small.*alone take \d+"),
        (["a"], 10, "special pieces alone take 17"),
    ],
)
def test_unsuitable_corpus_is_one_clear_error(texts, size, message):
    with pytest.raises(train_sentencepiece.VocabularyTrainingError, match=message):
        train_sentencepiece.train(texts, vocabulary_size=size)
