"""The distributions of our records against those of the reference's, on the same text."""

import collections
import json

import numpy as np
import pytest
import tensorflow as tf

from components.example_gen.pretraining.corpus import Document
from components.preprocessing.pretraining import encoding, shard
from components.preprocessing.pretraining.config import PretrainingDataConfig
from components.records import PRETRAINING
from components.tokenization.tokenizer import Tokenizer

# The reference's own noise stays; more passes make ours small beside it.
SETTINGS = {
    "seq512_reuse256_predict85": (512, 256, 85, 12),
    "seq128_reuse64_predict21": (128, 64, 21, 4),
    "seq512_reuse256_free": (512, 256, None, 12),
}


@pytest.fixture(scope="module")
def text(data_root):
    """Documents as ids, and which pieces begin words."""
    tokenizer = Tokenizer.from_file(str(data_root / "xlnet/spiece.model"))
    content = (data_root / "text/wikipedia_paragraphs.txt").read_text(encoding="utf-8")
    documents = [
        Document("wikipedia", number, [line.strip() for line in part.split("\n") if line.strip()])
        for number, part in enumerate(content.split("\n\n"))
    ]
    encoder = encoding.DocumentEncoder(tokenizer, use_eod=True, from_raw_text=True)
    encoded = list(encoder.encode([doc for doc in documents if doc.lines], lambda letter: None))
    return encoded, encoding.word_starts(tokenizer)


def join(documents, order) -> shard.ShardTokens:
    lens = np.concatenate([documents[index].sentence_lens for index in order]).astype(np.int64)
    return shard.ShardTokens(
        ids=np.concatenate([documents[index].ids for index in order]),
        sentence_starts=np.cumsum(lens) - lens,
    )


def count(histograms, config, records) -> None:
    """Adds the records of a pass to the histograms that the reference's records were put in."""
    description = PRETRAINING.feature_description(config.seq_len, use="training")
    features = {
        name: value.numpy() for name, value in tf.io.parse_example(records, description).items()
    }
    a_len = (features["seg_id"] == 0).sum(axis=1) - config.reuse_len - 1
    row = np.arange(len(records)) % config.batch_size
    backward = row >= config.batch_size // 2
    histograms["label"].update(features["label"].tolist())
    histograms["a_len_decile"].update((10 * a_len // config.ab_len).tolist())
    mask = features["is_masked"].astype(np.int8)
    for name, part in (
        ("reuse", mask[:, : config.reuse_len]),
        ("new", mask[:, config.reuse_len :]),
    ):
        part = np.where(backward[:, None], part[:, ::-1], part)
        histograms[f"masked_{name}_half"].update(part.sum(axis=1).tolist())
        places = 10 * np.nonzero(part)[1] // part.shape[1]
        histograms[f"mask_position_decile_in_reading_order_{name}"].update(places.tolist())
        edges = np.diff(np.pad(part, ((0, 0), (1, 1))), axis=1)
        lens = np.nonzero(edges == -1)[1] - np.nonzero(edges == 1)[1]
        histograms[f"span_pieces_{name}"].update(np.minimum(lens, 20).tolist())


@pytest.mark.real_data
@pytest.mark.golden
@pytest.mark.parametrize("name", SETTINGS)
def test_distributions_are_the_references(text, golden_root, name):
    documents, starts_word = text
    golden = json.loads((golden_root / "pretraining/reference_statistics.json").read_text())[name]
    seq_len, reuse_len, num_predict, num_passes = SETTINGS[name]
    config = PretrainingDataConfig(
        seed=1,
        batch_size=golden["batch_size"],
        seq_len=seq_len,
        reuse_len=reuse_len,
        bi_data=golden["bi_data"],
        uncased=False,
        num_predict=num_predict,
        mask_alpha=golden["mask_alpha"],
        mask_beta=golden["mask_beta"],
        max_gram=golden["max_gram"],
    )
    histograms = collections.defaultdict(collections.Counter)
    for pass_index in range(num_passes):
        order = np.random.default_rng(pass_index).permutation(len(documents))
        records = shard.build_records(
            join(documents, order),
            config=config,
            starts_word=starts_word,
            split="train",
            shard=0,
            pass_index=pass_index,
        )
        count(histograms, config, list(records))

    assert set(histograms) == set(golden["histograms"])
    distances = {}
    for histogram, expected in golden["histograms"].items():
        actual = histograms[histogram]
        assert sum(expected.values()) > 0
        names = {int(value) for value in expected} | set(actual)
        distances[histogram] = 0.5 * sum(
            abs(
                actual[value] / actual.total()
                - expected.get(str(value), 0) / sum(expected.values())
            )
            for value in names
        )
    assert {histogram: d for histogram, d in distances.items() if d > 0.02} == {}
