import hashlib
import io
import pickle

import pytest
import sentencepiece

from components import files
from components.tokenization import special_ids, vocabulary
from tests.components.tokenization.conftest import SMALL_SIZE


def test_load_gives_size_digest_and_processor(small_vocabulary, tmp_path):
    path = tmp_path / "spiece.model"
    path.write_bytes(small_vocabulary.model)
    loaded = vocabulary.load(str(path))
    assert loaded.source == str(path)
    assert loaded.size == SMALL_SIZE
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    processor = loaded.make_processor()
    assert [processor.IdToPiece(i) for i in range(9)] == list(special_ids.SPECIAL_PIECES)


def test_vocabulary_can_be_pickled(small_vocabulary):
    assert pickle.loads(pickle.dumps(small_vocabulary)) == small_vocabulary  # noqa: S301


@pytest.mark.real_data
def test_published_model(published_vocabulary):
    assert published_vocabulary.size == 32_000
    # Counted by hand in the model: pieces that end in a digit and a comma.
    assert len(published_vocabulary.replacements) == 78
    processor = published_vocabulary.make_processor()
    ids = {piece: processor.PieceToId(piece) for piece in ("▁2000,", "▁2000", "3,", "3", ",")}
    assert published_vocabulary.replacements[ids["▁2000,"]] == (ids["▁2000"], ids[","])
    assert published_vocabulary.replacements[ids["3,"]] == (ids["3"], ids[","])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"0 bytes.*The file is empty"),
        (b"<!DOCTYPE html><html>404", r"first are b'<!DOCTYPE html><'.*the \.model file"),
        (b"version https://git-lfs.github.com/spec/v1\n", r"Git LFS pointer.*git lfs pull"),
        (b"\x1f\x8b\x08\x00rest", r"is not a SentencePiece model \(8 bytes"),
    ],
)
def test_wrong_file_is_one_clear_error(tmp_path, content, message):
    path = tmp_path / "spiece.model"
    path.write_bytes(content)
    with pytest.raises(vocabulary.VocabularyError, match=message) as error:
        vocabulary.load(str(path))
    assert str(path) in str(error.value)


def test_cut_off_model_is_refused(small_vocabulary):
    with pytest.raises(vocabulary.VocabularyError, match="is not a SentencePiece model"):
        vocabulary.from_bytes(small_vocabulary.model[:-100], source="cut.model")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(files.NoSuchFilesError, match=r"absent\.model"):
        vocabulary.load(str(tmp_path / "absent.model"))


def test_model_without_xlnets_pieces_is_refused():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(["hello world"] * 20),
        model_writer=model,
        vocab_size=13,
        # <sep> and <cls> have changed places.
        control_symbols=["<sep>", "<cls>"],
        minloglevel=2,
    )
    with pytest.raises(
        vocabulary.VocabularyError,
        match=r"13 pieces\).*<cls> should be 3 and is 4; <sep> should be 4 and is 3; "
        r"<pad> should be 5 and is missing",
    ):
        vocabulary.from_bytes(model.getvalue())


@pytest.mark.parametrize(
    ("number", "settings", "message"),
    [
        # The ids are right, but texts can contain all but the first two.
        (2, {}, r"XLNet: <pad> should be a control symbol, which no text can produce; <mask>"),
        (5, {"treat_whitespace_as_suffix": True}, "spaces are marked at the end of words"),
    ],
)
def test_pieces_that_mean_something_else_are_refused(number, settings, message):
    model = io.BytesIO()
    symbols = special_ids.CONTROL_SYMBOLS
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(["hello world"] * 20),
        model_writer=model,
        vocab_size=30,
        hard_vocab_limit=False,
        control_symbols=list(symbols[:number]),
        user_defined_symbols=[*symbols[number:], "<eop>"],
        minloglevel=2,
        **settings,
    )
    with pytest.raises(vocabulary.VocabularyError, match=message):
        vocabulary.from_bytes(model.getvalue())
