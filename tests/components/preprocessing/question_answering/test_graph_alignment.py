"""The in-graph alignment against the Python one, which is tested against the reference's."""

import json
import unicodedata

import pytest
import tensorflow as tf

from components.preprocessing.question_answering import (
    common_subsequence,
    graph_common_subsequence,
)
from components.preprocessing.question_answering.alignment import AlignmentMethod, align
from components.preprocessing.question_answering.graph_alignment import GraphAligner
from components.tokenization.byte_pieces import BytePiece
from components.tokenization.graph_tokenizer import GraphTokenizer
from components.tokenization.tokenizer import Tokenizer

_SYLLABLES = "".join(" " if n % 4 == 3 else chr(ord("가") + 97 * n % 11_172) for n in range(2000))
ADVERSARIAL = [
    "",
    " ",
    "\u0301" * 20,
    "The cat sat.",
    "  The   cat\n\nsat ``there'' , he said ''no'' \u2003 ",
    "½ kg ㎏ ﷺ ﬁ 2000, 2,000, ²,",
    "中文，。日本語 हिन्दी العربية ไทย 😀👩‍👩‍👧‍👦",
    "½" * 50,
    "１２３，" * 20,
    "Σ ΟΔΥΣΣΕΥΣ İI ẞ ǅ 𝚺",
    "é" * 100,
    "e\u0301a\u0308" * 30,
    "\u00a8 \u00a8" * 9,
    "ab  " * 300,
    "\x00\x1f\u200b\ufeff\ufffd" * 5,
    "▁under▁line ▁",
    # Taken apart, as some systems store it, and SentencePiece puts it together again.
    unicodedata.normalize("NFD", "한국어 질문: 서울은 어디에 있습니까? Seoul 은"),
    unicodedata.normalize("NFD", "가각 ") * 40 + "각",
    "\u1100 \u1161 \u11a8 \uac00\u11a8 \u3131\u314f",
    unicodedata.normalize("NFD", "Tiếng Việt, Ελληνικά ΐ, Ŵ"),
    # NFKD takes each syllable apart.
    _SYLLABLES[:150],
    "The tower, in Korean " + _SYLLABLES[:9] + ", stands in the middle of the city of Seoul.",
]


def _in_graph(tokenizer):
    options = {"uncased": tokenizer.uncased, "keep_accents": tokenizer.keep_accents}
    graph_tokenizer = GraphTokenizer(tokenizer.vocabulary, **options)
    aligner = GraphAligner(**options)

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None], tf.string)])
    def run(texts):
        pieces, ids = graph_tokenizer.pieces(texts)
        characters = tf.strings.unicode_decode(texts, "UTF-8").with_row_splits_dtype(tf.int32)
        starts, ends = aligner.align(characters, pieces)
        return pieces, ids, pieces.with_flat_values(starts), pieces.with_flat_values(ends)

    return run


def _assert_twins_agree(tokenizer, texts, batch_size=64):
    """Returns the methods that were met."""
    run = _in_graph(tokenizer)
    methods = set()
    for start in range(0, len(texts), batch_size):
        batch = texts[start : start + batch_size]
        rows = zip(*(ragged.to_list() for ragged in run(tf.constant(batch))), strict=True)
        for text, (pieces, ids, starts, ends) in zip(batch, rows, strict=True):
            expected = tokenizer.pieces(text)
            assert pieces == [_surface(piece) for piece in expected], text
            assert ids == [tokenizer.piece_to_id(piece) for piece in expected], text
            if not expected:
                continue
            aligned = align(
                text, expected, uncased=tokenizer.uncased, keep_accents=tokenizer.keep_accents
            )
            methods.add(aligned.method)
            assert starts == aligned.tok_start_to_orig_index.tolist(), text
            assert ends == aligned.tok_end_to_orig_index.tolist(), text
    return methods


def _surface(piece):
    return bytes([piece.byte]) if isinstance(piece, BytePiece) else piece.encode()


@pytest.mark.parametrize("vocabulary", ["tiny_tokenizer", "byte_tokenizer"])
@pytest.mark.parametrize("uncased", [False, True])
def test_twins_agree_where_accents_are_kept(request, vocabulary, uncased):
    tokenizer = request.getfixturevalue(vocabulary)
    tokenizer = Tokenizer(tokenizer.vocabulary, uncased=uncased, keep_accents=True)
    _assert_twins_agree(tokenizer, ADVERSARIAL)


def test_twins_agree_on_bytes(byte_tokenizer):
    bytes_in_all = "".join(map(chr, range(1, 0x250))) + "李梅在杭州 สมชาย 👩‍👩‍👧‍👦 \U0010fffd"
    _assert_twins_agree(byte_tokenizer, [*ADVERSARIAL, bytes_in_all, "<0xE6> is not a byte"])


@pytest.mark.parametrize("uncased", [False, True])
def test_twins_agree_on_adversarial_texts(tiny_tokenizer, uncased):
    tokenizer = Tokenizer(tiny_tokenizer.vocabulary, uncased=uncased)
    methods = _assert_twins_agree(tokenizer, ADVERSARIAL)
    assert methods >= {
        AlignmentMethod.SHIFTED,
        AlignmentMethod.COMMON_SUBSEQUENCE,
        AlignmentMethod.EXPANDED,
    }


@pytest.mark.parametrize(
    ("text", "piece_text", "max_points", "searches"),
    [
        # Of Hangul, there is too little to match, so no band is searched.
        (
            _SYLLABLES,
            unicodedata.normalize("NFKD", _SYLLABLES),
            common_subsequence.MAX_POINTS,
            [None],
        ),
        # All of it is common, but in another order; after one band, a wider one takes even longer.
        ("ab " * 30 + "cd " * 30, "cd " * 30 + "ab " * 30, 50, [5 + 1, None]),
    ],
)
def test_no_band_is_searched_in_vain(monkeypatch, text, piece_text, max_points, searches):
    monkeypatch.setattr(common_subsequence, "MAX_POINTS", max_points)
    found, match = [], graph_common_subsequence.match

    def counted(a, b, *, min_length, max_distance):
        found.append(max_distance if max_distance is None else int(max_distance))
        return match(a, b, min_length=min_length, max_distance=max_distance)

    monkeypatch.setattr(graph_common_subsequence, "match", counted)
    pieces = ["▁", *piece_text.replace(" ", "▁")]
    characters = tf.strings.unicode_decode([text], "UTF-8").with_row_splits_dtype(tf.int32)
    aligned = GraphAligner(uncased=False).align(
        characters, tf.ragged.constant([pieces], row_splits_dtype=tf.int32)
    )
    assert found == searches
    expected = align(text, pieces, uncased=False)
    assert aligned[0].numpy().tolist() == expected.tok_start_to_orig_index.tolist()
    assert aligned[1].numpy().tolist() == expected.tok_end_to_orig_index.tolist()


def test_what_cannot_be_matched_is_shared_out(monkeypatch):
    monkeypatch.setattr(common_subsequence, "MAX_POINTS", 100)
    text, pieces = "ab" * 200, ["cde"] * 100 + ["ab"] * 50
    expected = align(text, pieces, uncased=False)
    assert expected.method is AlignmentMethod.PROPORTIONAL
    characters = tf.strings.unicode_decode([text], "UTF-8").with_row_splits_dtype(tf.int32)
    found = tf.function(GraphAligner(uncased=False).align, autograph=False)(
        characters, tf.ragged.constant([pieces], row_splits_dtype=tf.int32)
    )
    assert found[0].numpy().tolist() == expected.tok_start_to_orig_index.tolist()
    assert found[1].numpy().tolist() == expected.tok_end_to_orig_index.tolist()


@pytest.mark.real_data
def test_twins_agree_on_all_paragraphs_of_squad(data_root, published_tokenizer):
    articles = json.loads((data_root / "squad" / "dev-v2.0.json").read_text())["data"]
    texts = [paragraph["context"] for article in articles for paragraph in article["paragraphs"]]
    assert len(texts) > 1000
    methods = _assert_twins_agree(published_tokenizer, texts)
    assert AlignmentMethod.COMMON_SUBSEQUENCE in methods
