import random
import unicodedata

import numpy as np
import pytest

from components.preprocessing.question_answering import alignment
from components.preprocessing.question_answering.alignment import (
    AlignmentMethod,
    align,
    convert_indices,
    last_reached,
)
from components.tokenization.tokenizer import Tokenizer
from tests.components.preprocessing.question_answering import reference_alignment
from tests.components.preprocessing.question_answering.adversarial_text import (
    adversarial_paragraphs,
    random_answers,
)


def _spans(found, text):
    """What each piece stands for."""
    return [
        text[start : end + 1]
        for start, end in zip(
            found.tok_start_to_orig_index, found.tok_end_to_orig_index, strict=True
        )
    ]


@pytest.mark.parametrize(
    ("text", "pieces", "spans", "method"),
    [
        ("The cat sat.", ["▁The", "▁cat", "▁s", "at", "."], None, AlignmentMethod.SHIFTED),
        # Accents go, the character stays one.
        ("Café là", ["▁Cafe", "▁la"], ["Café", " là"], AlignmentMethod.SHIFTED),
        # White space is collapsed.
        (
            "number one   two\n three",
            ["▁number", "▁one", "▁two", "▁three"],
            ["number", " one", "   two", " three"],
            AlignmentMethod.COMMON_SUBSEQUENCE,
        ),
        # Two apostrophes become one quotation mark.
        (
            "people say ''yes'' now",
            ["▁people", "▁say", "▁", '"', "yes", '"', "▁now"],
            ["people", " say", " ", "''", "yes", "''", " now"],
            AlignmentMethod.COMMON_SUBSEQUENCE,
        ),
        # One character becomes two: they stand for it together.
        (
            "the o\ufb03ce is open",
            ["▁the", "▁o", "ff", "ice", "▁is", "▁open"],
            ["the", " o", "\ufb03", "\ufb03ce", " is", " open"],
            AlignmentMethod.COMMON_SUBSEQUENCE,
        ),
        # Each character becomes two: the reference gives up here.
        (
            "㎏㎏",
            ["▁k", "g", "kg"],
            ["㎏", "㎏", "㎏"],
            AlignmentMethod.EXPANDED,
        ),
        # Nothing in common at all.
        ("abcdef", ["xy", "z"], ["abcd", "ef"], AlignmentMethod.PROPORTIONAL),
    ],
)
def test_hand_made_cases(text, pieces, spans, method):
    found = align(text, pieces, uncased=False)
    assert found.method == method
    if spans is None:
        spans = [piece.replace("▁", " ") for piece in pieces]
        spans[0] = spans[0][1:]
    assert _spans(found, text) == spans


def test_hangul_is_aligned_though_normalisation_takes_it_apart():
    text = "한국어 질문"
    pieces = ["▁" + unicodedata.normalize("NFKD", "한국어"), "▁질문"]
    found = align(text, pieces, uncased=False)
    assert found.method is AlignmentMethod.EXPANDED
    assert found.method.is_fallback
    assert _spans(found, text) == ["한국어", " 질문"]
    assert found.piece_span(0, 2) == (0, 0)
    assert found.piece_span(4, 5) == (1, 1)


def test_case_is_lowered_for_uncased_pieces():
    text = "ÉCOLE Nord"
    found = align(text, ["▁ecole", "▁nord"], uncased=True)
    assert found.method is AlignmentMethod.SHIFTED
    assert align(text, ["▁ecole", "▁nord"], uncased=False).method.is_fallback


def test_accents_that_are_kept_are_matched():
    found = align("Café là", ["▁Café", "▁là"], uncased=False, keep_accents=True)
    assert found.method is AlignmentMethod.SHIFTED


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("李梅住在杭州，她在一九九八年开了一家茶馆。", ["杭州", "一九九八年", "李梅"]),
        ("สมชายอาศัยอยู่ที่เชียงรายและเป็นเจ้าของร้านกาแฟ", ["เชียงราย", "ร้านกาแฟ"]),
        ("李梅 sat on the mat. 张伟 sat on the cat.", ["李梅", "张伟", "the cat"]),
        ("The cat 👩\u200d👩\u200d👧 sat on ❤ rug.", ["cat", "👩", "❤"]),
    ],
)
def test_bytes_are_joined_to_their_characters(byte_tokenizer, text, answers):
    pieces = Tokenizer(byte_tokenizer.vocabulary, keep_accents=True).pieces(text)
    found = align(text, pieces, uncased=False, keep_accents=True)
    starts, ends = found.tok_start_to_orig_index, found.tok_end_to_orig_index
    for answer in answers:
        start = text.index(answer)
        first, last = found.piece_span(start, start + len(answer) - 1)
        # The space in front of a word belongs to its piece.
        assert text[starts[first] : ends[last] + 1].lstrip() == answer


def test_every_byte_of_a_character_stands_for_it(byte_tokenizer):
    pieces = Tokenizer(byte_tokenizer.vocabulary, keep_accents=True).pieces("a é")
    assert pieces[-2:] == ["<0xC3>", "<0xA9>"]
    found = align("a é", pieces, uncased=False, keep_accents=True)
    assert found.tok_start_to_orig_index[-2:].tolist() == [2, 2]
    assert found.tok_end_to_orig_index[-2:].tolist() == [2, 2]
    assert found.piece_span(2, 2) == (len(pieces) - 2, len(pieces) - 1)


def test_what_is_spelt_like_a_byte_may_be_text():
    found = align("a <0xE6>", ["▁a", "▁", "<0xE6>"], uncased=False)
    assert found.piece_span(2, 7) == (2, 2)


@pytest.mark.parametrize("text", ["เขาดื่มน้ำที่ดอยคำ", "Ba o\u031b\u0309 Hue\u0302\u0301"])
def test_the_last_mark_of_a_paragraph_belongs_to_its_last_piece(text):
    # Piece by piece as SentencePiece normalises them: composed, and Thai `ำ` in two.
    pieces = list("▁" + unicodedata.normalize("NFKC", text).replace(" ", "▁"))
    found = align(text, pieces, uncased=False, keep_accents=True)
    assert found.piece_span(len(text) - 1, len(text) - 1)[1] == len(pieces) - 1


@pytest.mark.parametrize(
    "text",
    ["שלום עולם", "مرحبا بالعالم", "go 😀 👩\u200d👧 now", "lone \ud800 half", "\u0301\u0301"],
)
def test_every_text_gets_spans_inside_it(text):
    pieces = ["▁" + word for word in text.replace("\ud800", " ").split()]
    found = align(text, pieces, uncased=False)
    assert ((found.tok_start_to_orig_index >= 0) & (found.tok_end_to_orig_index < len(text))).all()
    for start in range(len(text)):
        for end in range(start, len(text)):
            first, last = found.piece_span(start, end)
            assert 0 <= first <= last < len(pieces)


def test_a_character_that_became_several_pieces_is_all_of_them():
    found = align("㎏㎎", ["▁k", "g", "m", "g"], uncased=False)
    assert found.method is AlignmentMethod.EXPANDED
    assert [found.piece_span(i, i) for i in (0, 1)] == [(0, 1), (2, 3)]
    # Nothing in common: three pieces in proportion to two characters.
    found = align("ab", ["xx", "yy", "zz"], uncased=False)
    assert [found.piece_span(i, i) for i in (0, 1)] == [(0, 1), (1, 2)]


def test_answers_become_pieces():
    found = align("The cat sat.", ["▁The", "▁cat", "▁s", "at", "."], uncased=False)
    assert found.piece_span(4, 6) == (1, 1)
    assert found.piece_span(4, 11) == (1, 4)
    # The space belongs to the piece behind it.
    assert found.piece_span(3, 3) == (1, 1)


def test_last_characters_that_pieces_answer_for():
    # A gap behind it, none, two pieces of a character, two that begin together, one at the end.
    starts = np.array([0, 4, 6, 7, 7, 9, 9])
    ends = np.array([2, 5, 6, 7, 7, 9, 10])
    assert last_reached(starts, ends, 13).tolist() == [3, 5, 6, 8, 8, 9, 12]
    assert last_reached(starts, ends, None).tolist() == [3, 5, 6, 8, 8, 9, 10]


def test_answers_keep_all_of_paragraphs_whose_normalisation_is_no_spelling(tiny_tokenizer):
    """Characters that become several, several that become one, none, or like their neighbours."""
    rng = random.Random(24)
    widened = 0
    for paragraph in adversarial_paragraphs(rng, 300):
        found = align(paragraph, tiny_tokenizer.pieces(paragraph), uncased=False)
        starts, ends = found.tok_start_to_orig_index, found.tok_end_to_orig_index
        reach = last_reached(starts, ends, len(paragraph))
        for start, end in random_answers(rng, paragraph, 8):
            first, last = found.piece_span(start, end)
            assert first == 0 or starts[first] <= start, ascii(paragraph)
            assert reach[last] >= end, ascii(paragraph)
            widened += bool(starts[first] > start or ends[last] < end)
    assert widened > 50


def test_gaps_are_filled_like_the_reference_fills_them():
    rng = random.Random(4)
    for _ in range(500):
        size = rng.randint(2, 12)
        values = iter(sorted(rng.sample(range(size + 4), size)))
        index = [next(values) if rng.random() < 0.5 else -1 for _ in range(size)]
        if max(index) < 0:
            continue
        for is_start in (True, False):
            for end in (None, size + 4, max(index) + 1):
                expected = [
                    reference_alignment.convert(index, i, is_start=is_start, size=end)
                    for i in range(size)
                ]
                found = convert_indices(
                    np.array(index, np.int32), np.arange(size), is_start=is_start, end=end
                )
                assert found.tolist() == expected, (index, is_start, end)


def _disturb(rng, text):
    """Pieces of one character each, of a text a little different from the one given."""
    characters = list(text)
    for _ in range(rng.choice([0, 1, 3, len(text) // 6])):
        place = rng.randrange(len(characters))
        characters[place : place + rng.randint(0, 2)] = rng.choice(["", " ", "x", "ab", "e"])
    return ["▁", *(character.replace(" ", "▁") for character in characters)]


def test_random_texts_are_aligned_like_the_reference():
    rng = random.Random(9)
    methods = set()
    for _ in range(400):
        text = "".join(rng.choice("abe  é\ufb01\n") for _ in range(rng.randint(1, 60)))
        pieces = _disturb(rng, text)
        found = align(text, pieces, uncased=False)
        methods.add(found.method)
        normal = {"é": "e", "\ufb01": None}
        symbols = [normal.get(character, character) for character in text]
        target = "".join(pieces).replace("▁", " ")
        expected = reference_alignment.align(symbols, target)
        assert found.method.is_fallback == (expected is None)
        if expected is None:
            continue
        chars_of_text, chars_of_pieces = expected
        assert found.piece_char_of_orig.tolist() == chars_of_pieces
        begin = 0
        for index, piece in enumerate(pieces):
            end = begin + len(piece) - 1
            convert = reference_alignment.convert
            assert (
                convert(chars_of_text, begin, is_start=True, size=len(text)),
                convert(chars_of_text, end, is_start=False, size=len(text)),
            ) == (found.tok_start_to_orig_index[index], found.tok_end_to_orig_index[index])
            begin = end + 1
    assert methods == set(AlignmentMethod) - {AlignmentMethod.PROPORTIONAL}


@pytest.mark.real_data
def test_unusual_real_paragraphs_are_aligned_like_the_reference(data_root):
    from components.example_gen.question_answering import squad
    from components.tokenization.tokenizer import Tokenizer

    tokenizer = Tokenizer.from_file(str(data_root / "xlnet" / "spiece.model"))
    num_compared = 0
    for paragraph in squad.read_file(str(data_root / "squad" / "dev-v2.0.json")):
        text = paragraph.context
        if len(text) > 700:
            continue
        pieces = tokenizer.pieces(text)
        found = align(text, pieces, uncased=False)
        if found.method is AlignmentMethod.SHIFTED:
            continue
        symbols = [
            "".join(c for c in unicodedata.normalize("NFKD", c) if not unicodedata.combining(c))
            for c in text
        ]
        _, expected = reference_alignment.align(symbols, "".join(pieces).replace("▁", " "))
        assert found.piece_char_of_orig.tolist() == expected
        num_compared += 1
        if num_compared == 8:
            break
    assert num_compared == 8


def test_very_different_long_texts_take_the_last_fallback(monkeypatch):
    monkeypatch.setattr(alignment.common_subsequence, "MAX_POINTS", 100)
    found = align("ab" * 200, ["cde"] * 100 + ["ab"] * 50, uncased=False)
    assert found.method is AlignmentMethod.PROPORTIONAL
    assert found.tok_start_to_orig_index.tolist()[:3] == [0, 3, 6]
    assert found.tok_end_to_orig_index.tolist()[:3] == [2, 5, 8]
    assert found.piece_span(0, 399) == (0, 149)
    assert found.piece_span(3, 5) == (1, 1)
