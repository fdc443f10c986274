"""The two tokenizers against each other, and the in-graph one against the reference."""

import gzip
import itertools
import json

import pytest
import tensorflow as tf

from components.tokenization.graph_tokenizer import GraphTokenizer
from components.tokenization.tokenizer import Tokenizer
from tests.components.tokenization.test_tokenizer import is_tie

ADVERSARIAL = [
    "",
    " ",
    "\u3000\u2003\x1c\x85",
    "e\u0301 a\u0308\u0323 \u0301alone \u0345",
    "full\u3000width\u2028space\u2029s\u00a0\u202f",
    "\x00\x01\x02\x1b[31m\x7f\x9f",
    "ﬁ ﬂ ﬀ Ĳ ǆ ㎏ ½ ² ⑳ ﷺ",
    "😀👩‍👩‍👧‍👦🇩🇪 emoji \U0001f9ff",
    "1,000,000, 2000, 12, 3,4,5, ,1, 1,, 2000,2000,2000,",
    "２０００，２，",
    "²,³,½,٣,",
    "``a'' '' ``` ''' `' '`",
    "ΟΔΥΣΣΕΥΣ ΣΑΣ. ΑΣ'Α Σ 𝚺 İI ẞ ǅ",
    "\ufeff\u200b\u200d\ufffd\uffff\U0010ffff\U000e0001",
    "<cls> <sep> <eop> <mask><eop><unk> ▁under▁line ▁",
    "한국어 中文，。日本語 हिन्दी العربية ไทย",
    "a" * 10_000,
    "1," * 5_000,
    "the old dog, 2000, " * 5_300,  # 100 kB
    "é" * 50_000,
    "\u0301" * 1_000,
]


def _assert_twins_agree(vocabulary, texts, *, uncased=False, batch_size=2000):
    python = Tokenizer(vocabulary, uncased=uncased)
    graph = tf.function(
        GraphTokenizer(vocabulary, uncased=uncased),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    for start in range(0, len(texts), batch_size):
        batch = texts[start : start + batch_size]
        for text, expected, found in zip(
            batch, map(python.encode, batch), graph(tf.constant(batch)).to_list(), strict=True
        ):
            assert found == expected, text[:200]


@pytest.mark.parametrize("uncased", [False, True])
def test_twins_agree_on_adversarial_strings(small_vocabulary, uncased):
    _assert_twins_agree(small_vocabulary, ADVERSARIAL, uncased=uncased)


@pytest.mark.real_data
@pytest.mark.parametrize("uncased", [False, True])
def test_twins_agree_on_adversarial_strings_published(published_vocabulary, uncased):
    _assert_twins_agree(published_vocabulary, ADVERSARIAL, uncased=uncased)


@pytest.mark.real_data
def test_lone_surrogates_and_bytes(published_vocabulary):
    """Python sees what a source file may hold, the graph sees the bytes made of it at ingestion."""
    python = Tokenizer(published_vocabulary)
    graph = GraphTokenizer(published_vocabulary)
    for text in (
        json.loads('"a\\ud800b \\udc00"'),
        b"caf\xe9 \xed\xa0\x80".decode(errors="surrogateescape"),
    ):
        ingested = python.normalize(text).encode()
        assert graph(tf.constant([ingested])).to_list() == [python.encode(text)]
    for raw in (b"caf\xe9", b"a\xed\xa0\x80b", b"\xff\xfe", b"\xf0\x9f\x98 x"):
        assert graph(tf.constant([raw])).to_list() == [python.encode(raw)]


def _real_texts(data_root):
    for path in sorted((data_root / "glue").glob("*/*.tsv")):
        yield from path.read_text(encoding="utf-8").splitlines()
    for path in sorted((data_root / "squad").glob("dev-v*.json")):
        for article in json.loads(path.read_text())["data"]:
            for paragraph in article["paragraphs"]:
                yield paragraph["context"]
                yield from (question["question"] for question in paragraph["qas"])
    for path in sorted((data_root / "imdb").rglob("*.txt")):
        yield path.read_text(encoding="utf-8")


@pytest.mark.real_data
def test_twins_agree_on_real_text(data_root, published_vocabulary):
    texts = list(dict.fromkeys(_real_texts(data_root)))
    assert len(texts) > 100_000
    _assert_twins_agree(published_vocabulary, texts)


@pytest.mark.real_data
def test_twins_agree_on_real_text_uncased(data_root, published_vocabulary):
    # Every fourth text, for the time it takes.
    texts = list(dict.fromkeys(_real_texts(data_root)))[::4]
    _assert_twins_agree(published_vocabulary, texts, uncased=True)


@pytest.mark.golden
@pytest.mark.real_data
def test_ids_as_the_reference(golden_root, published_vocabulary):
    with gzip.open(golden_root / "tokenization" / "text_pieces.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, 1, None)]
    for options in ({}, {"lower": True}, {"keep_accents": True}):
        chosen = [row for row in rows if row["kwargs"] == options]
        tokenizer = GraphTokenizer(
            published_vocabulary,
            uncased=options.get("lower", False),
            keep_accents=options.get("keep_accents", False),
        )
        found = tokenizer(tf.constant([row["text"] for row in chosen])).to_list()
        different = [
            (f, row["ids"]) for f, row in zip(found, chosen, strict=True) if f != row["ids"]
        ]
        # The same five ties as the Python tokenizer has.
        assert len(different) == 5
        assert all(is_tie(ids, golden_ids) for ids, golden_ids in different)


def test_saved_model_needs_no_file(small_vocabulary, tmp_path):
    module = tf.Module()
    module.tokenizer = GraphTokenizer(small_vocabulary, uncased=True)
    module.encode = tf.function(
        lambda texts: module.tokenizer(texts).to_tensor(-1),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    tf.saved_model.save(module, str(tmp_path / "saved"))
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    texts = ["The Cat, 2000,", "é"]
    expected = list(map(Tokenizer(small_vocabulary, uncased=True).encode, texts))
    found = loaded.encode(tf.constant(texts)).numpy().tolist()
    assert [[i for i in row if i >= 0] for row in found] == expected
