"""Models that end the process if SentencePiece sees them; each was seen to before the check."""

import random
import struct

import pytest
from sentencepiece import sentencepiece_model_pb2

from components.tokenization import model_check, vocabulary


@pytest.fixture
def content(small_vocabulary):
    return sentencepiece_model_pb2.ModelProto.FromString(small_vocabulary.model)


def refuse(content, reason):
    model = content if isinstance(content, bytes) else content.SerializeToString()
    with pytest.raises(vocabulary.VocabularyError, match=reason) as error:
        vocabulary.from_bytes(model, source="some.model")
    assert str(error.value).startswith("some.model is not a SentencePiece model")


def parts(content):
    """Units of the trie of the normalisation rules, and the texts that it points to."""
    rules = content.normalizer_spec.precompiled_charsmap
    (size,) = struct.unpack_from("<I", rules)
    return list(struct.unpack_from(f"<{size // 4}I", rules, 4)), rules[4 + size :]


def put(content, units, texts):
    packed = struct.pack(f"<{len(units)}I", *units)
    content.normalizer_spec.precompiled_charsmap = struct.pack("<I", len(packed)) + packed + texts


def test_what_is_whole_passes(small_vocabulary, content):
    model_check.check(small_vocabulary.model)
    # The parts above are what the library wrote.
    before = content.SerializeToString()
    put(content, *parts(content))
    assert content.SerializeToString() == before


@pytest.mark.real_data
def test_the_published_model_passes(published_vocabulary):
    model_check.check(published_vocabulary.model)


@pytest.mark.parametrize("piece", ["\0", "\0a", "a\0b"])
def test_nul_in_a_piece(content, piece):
    content.pieces[40].piece = piece
    refuse(content, "has a NUL in piece 40")


def test_an_empty_piece_and_no_pieces(content):
    content.pieces[40].piece = ""
    refuse(content, "empty piece, number 40")
    del content.pieces[:]
    refuse(content, "has no pieces")


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf"), 3e38])
def test_scores_that_are_no_scores(content, score):
    content.pieces[40].score = score
    refuse(content, r"has the score .* for piece 40")


def test_a_piece_and_a_setting_that_are_not_utf8(content):
    content.pieces[40].piece = "QQQQ"
    model = content.SerializeToString()
    refuse(model.replace(b"QQQQ", b"QQ\xffQ"), "is not UTF-8 in piece of piece 40")
    content.trainer_spec.unk_surface = "ZZZZ"
    model = content.SerializeToString()
    refuse(model.replace(b"ZZZZ", b"Z\xc0ZZ"), "is not UTF-8 in unk_surface")


def test_too_many_symbols_at_one_place(content):
    for length in range(2, 67):
        content.pieces.add(
            piece="~" * length, type=sentencepiece_model_pb2.ModelProto.SentencePiece.USER_DEFINED
        )
    # 65 of them; 64 is what the library has room for.
    refuse(content, "more than 64 user-defined pieces")


@pytest.mark.parametrize("size", [0, 1, 3, 5, 1 << 31, (1 << 32) - 1])
def test_a_trie_of_another_size(content, size):
    rules = content.normalizer_spec.precompiled_charsmap
    content.normalizer_spec.precompiled_charsmap = struct.pack("<I", size) + rules[4:]
    refuse(content, r"damaged normalisation rules \(normalizer_spec\): a trie of")


def test_rules_of_fewer_bytes_than_their_size(content):
    for rules in (b"\0", b"abc", b"\4\0\0\0", b"\4\0\0\0abcd"):
        content.normalizer_spec.precompiled_charsmap = rules
        refuse(content, "damaged normalisation rules")


def test_a_trie_that_leads_outside_of_itself(content):
    units, texts = parts(content)
    # The offset of the root.
    put(content, [0x1FFFFF << 10, *units[1:]], texts)
    refuse(content, "leads outside of itself")
    content.normalizer_spec.Clear()
    content.denormalizer_spec.precompiled_charsmap = struct.pack("<II", 4, 0) + b"a\0"
    refuse(content, r"denormalizer_spec.*leads outside of itself")


def test_a_rule_that_points_outside_of_the_texts_or_into_a_character(content):
    units, texts = parts(content)
    values = [index for index, unit in enumerate(units) if unit >> 31]
    assert len(values) > 1000
    units[values[7]] = 1 << 31 | len(texts)
    put(content, units, texts)
    refuse(content, "a rule points outside of the texts")
    inside = next(place for place, byte in enumerate(texts) if byte & 0xC0 == 0x80)
    units[values[7]] = 1 << 31 | inside
    put(content, units, texts)
    refuse(content, "a rule points into a character")


def test_texts_that_do_not_end_or_are_not_utf8(content):
    units, texts = parts(content)
    put(content, units, texts + b"a")
    refuse(content, "the last text does not end")
    put(content, units, texts + b"\xff\0")
    refuse(content, "texts that are not UTF-8")


def chain(length, *, has_leaf):
    """A trie that takes `length` times the same byte, with a value at each step if asked for.

    Written by hand from the description of the format: bit 8 says that a value follows, the bits
    from 10 on hold the offset, by exclusive or, of the block of children.
    """
    label = 0x61
    # Of no byte.
    units = [1 << 31] * (256 * (length + 2))
    units[0] = 256 << 10
    for step in range(1, length + 1):
        place = 256 * step ^ label
        following = 256 * (step + 1)
        units[place] = (place ^ following) << 10 | has_leaf << 8 | label
        units[following] = 1 << 31
    return units


@pytest.mark.parametrize(
    ("length", "has_leaf", "reason"),
    [(32, 1, None), (33, 1, "more than 32 rules"), (255, 0, None), (300, 0, "does not end")],
)
def test_rules_that_begin_with_each_other_and_long_ones(content, length, has_leaf, reason):
    put(content, chain(length, has_leaf=has_leaf), b"\0")
    if reason is None:
        model_check.check(content.SerializeToString())
    else:
        refuse(content, reason)


def test_a_trie_that_leads_back(content):
    units = chain(2, has_leaf=0)
    place = 512 ^ 0x61
    # From the second step to the first block again.
    units[place] = (place ^ 256) << 10 | 0x61
    put(content, units, b"\0")
    refuse(content, "does not end")


def test_mutated_models_give_a_vocabulary_or_one_error(small_vocabulary):
    """A process that crashed would end the test run."""
    random_ = random.Random(0)
    refused = 0
    for _ in range(300):
        model = bytearray(small_vocabulary.model)
        for _ in range(random_.choice([1, 4, 64])):
            model[random_.randrange(len(model))] = random_.choice([0, 0xFF, random_.randrange(256)])
        try:
            processor = vocabulary.from_bytes(bytes(model)).make_processor()
        except vocabulary.VocabularyError:
            refused += 1
            continue
        processor.EncodeAsIds("the king ①ﷺ\u0301 of the hill")
    assert 100 < refused < 300


def test_the_case_that_ended_in_a_signal(data_root):
    cases = data_root.parent / "cases" / "mutated"
    if not cases.is_dir():
        pytest.skip("no cases here")
    for path in cases.glob("vocab-*.model"):
        refuse(path.read_bytes(), "damaged normalisation rules")
