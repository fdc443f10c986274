import dataclasses

import numpy as np
import pytest

from components.example_gen.pretraining.corpus import Document
from components.preprocessing.pretraining import encoding
from components.tokenization.byte_pieces import BytePiece
from components.tokenization.tokenizer import Tokenizer

EOD_ID = 7


def make(tokenizer, **arguments) -> encoding.DocumentEncoder:
    return encoding.DocumentEncoder(
        tokenizer, **{"use_eod": True, "from_raw_text": True, **arguments}
    )


def encode(encoder, documents):
    letters = []
    return list(encoder.encode(documents, letters.append)), letters


def test_a_document_is_its_lines_with_eod_in_the_last_sentence(tokenizer):
    lines = ["Kalo mi nu.", "Re so 12,000 ti!"]
    documents = [
        Document("a", 1, lines),
        Document("a", 5, lines[:1], 0, False),
        Document("a", 5, lines[1:], 1, True),
    ]
    first, second = tokenizer.encode(lines[0]), tokenizer.encode(lines[1])

    found, _ = encode(make(tokenizer), documents)

    assert [document.place for document in found] == [("a", 1, 0), ("a", 5, 0), ("a", 5, 1)]
    assert found[0].ids.tolist() == [*first, *second, EOD_ID]
    assert found[0].sentence_lens.tolist() == [len(first), len(second) + 1]
    # The end of a part is not the end of the document.
    assert found[1].ids.tolist() == first
    assert found[2].ids.tolist() == [*second, EOD_ID]

    found, _ = encode(make(tokenizer, use_eod=False), documents)
    assert found[0].ids.tolist() == [*first, *second]


def test_lines_and_documents_without_pieces_are_left_out(tokenizer):
    documents = [
        Document("a", 1, ["\u200b"]),
        Document("a", 2, ["\u200b", "Kalo.", "\u200b"]),
    ]
    assert tokenizer.encode("\u200b") == []

    found, _ = encode(make(tokenizer), documents)

    assert [document.place for document in found] == [("a", 2, 0)]
    assert found[0].sentence_lens.tolist() == [len(tokenizer.encode("Kalo.")) + 1]


STRINGS = [
    "plain",
    "``quoted''",
    "1,000,000, and 12, 3,",
    "tab\tand  double space",
    "Ünïcödé ﬁ ligature \u3000 ideographic",
    "\x1c separator \x85 next line",
    "''",
    "İSTANBUL ΣΑΣ",
    "e\u0301\u0302 combining",
    "\ud800 lone surrogate",
    "😀 emoji",
    "-",
]


@pytest.mark.parametrize("uncased", [False, True])
def test_batches_equal_the_tokenizer(tokenizer, uncased):
    tokenizer = Tokenizer(tokenizer.vocabulary, uncased=uncased)
    encoder = make(tokenizer)
    for lines in ([], ["plain", "1,000, x", "''"], STRINGS, ["é plain", "x"]):
        ids, lens = encoder.encode_lines(lines)

        expected = [tokenizer.encode(line) for line in lines]
        assert lens.tolist() == [len(one) for one in expected]
        assert ids.tolist() == [piece_id for one in expected for piece_id in one]


@pytest.mark.real_data
@pytest.mark.parametrize("uncased", [False, True])
def test_batches_equal_the_tokenizer_on_real_text(data_root, uncased):
    tokenizer = Tokenizer.from_file(str(data_root / "xlnet/spiece.model"), uncased=uncased)
    encoder = make(tokenizer)
    text = (data_root / "text/wikipedia_paragraphs.txt").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.split("\n") if line.strip()]

    for first in range(0, len(lines), 300):
        batch = lines[first : first + 300]
        ids, lens = encoder.encode_lines(batch)
        expected = list(map(tokenizer.encode, batch))
        assert lens.tolist() == [len(one) for one in expected]
        np.testing.assert_array_equal(ids, np.concatenate(expected))


def test_ids_are_read_as_they_stand_and_bad_lines_are_dead_letters(tokenizer):
    document = Document("ids.txt", 9, ["10 11", "10 150", "x 3", "-1", "12 4 3", "9" * 30, "149"])

    found, letters = encode(make(tokenizer, from_raw_text=False), [document])

    assert found[0].ids.tolist() == [10, 11, 149, EOD_ID]
    assert found[0].sentence_lens.tolist() == [2, 2]
    assert [letter.reason for letter in letters] == [
        "id outside the vocabulary",
        "not ids",
        "id outside the vocabulary",
        "id of <sep> or <cls> in the text",
        "not ids",
    ]
    assert {(letter.source, letter.position) for letter in letters} == {("ids.txt", "9")}
    # Their weight is in bytes, as the limit for dead letters.
    assert [letter.weight for letter in letters] == [6, 3, 2, 6, 30]


def test_word_starts_are_the_published_ones(tokenizer):
    found = encoding.word_starts(tokenizer)

    for piece_id in range(tokenizer.vocabulary.size):
        piece = tokenizer.id_to_piece(piece_id)
        expected = piece[0] in "▁<" or piece in list('!"#$%&()*+,-./:;?@[\\]^_`{|}~')
        assert found[piece_id] == expected, piece
    assert found[tokenizer.piece_to_id("<sep>")]


def test_a_byte_of_a_character_begins_no_word(tokenizer):
    number = int(encoding.word_starts(tokenizer).nonzero()[0][-1])
    as_byte = dataclasses.replace(tokenizer.vocabulary, byte_pieces={number: BytePiece("<0xE6>")})
    assert not encoding.word_starts(Tokenizer(as_byte))[number]


def test_ids_take_two_bytes_where_the_vocabulary_allows(tokenizer):
    large = dataclasses.replace(tokenizer.vocabulary, size=100_000)

    assert encoding.id_dtype(tokenizer) == np.uint16
    assert encoding.id_dtype(Tokenizer(large)) == np.uint32
