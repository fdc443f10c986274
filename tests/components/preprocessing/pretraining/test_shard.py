import numpy as np
import pytest
import tensorflow as tf

from components.preprocessing.pretraining import shard
from components.preprocessing.pretraining.config import PretrainingDataConfig
from components.records import PRETRAINING

VOCABULARY_SIZE = 30_000
FIRST_ID = 10


def make_config(**overrides) -> PretrainingDataConfig:
    settings = {
        "seed": 1,
        "batch_size": 8,
        "seq_len": 32,
        "reuse_len": 12,
        "bi_data": True,
        "num_cores": 2,
        "uncased": False,
        "num_predict": 9,
        "mask_alpha": 6,
        "mask_beta": 1,
        "max_gram": 3,
    }
    return PretrainingDataConfig(**{**settings, **overrides})


def make_tokens(num_tokens: int = 6000) -> shard.ShardTokens:
    """Every token has an id of its own, ascending, so that its place in the text is known."""
    lens = np.random.default_rng(0).integers(1, 15, size=num_tokens)
    starts = np.cumsum(lens) - lens
    return shard.ShardTokens(
        ids=np.arange(FIRST_ID, FIRST_ID + num_tokens, dtype=np.uint16),
        sentence_starts=starts[starts < num_tokens],
    )


def starts_word() -> np.ndarray:
    return np.random.default_rng(1).random(VOCABULARY_SIZE) < 0.6


def build(config: PretrainingDataConfig, **place) -> list[bytes]:
    place = {"split": "train", "shard": 0, "pass_index": 0, **place}
    return list(
        shard.build_records(make_tokens(), config=config, starts_word=starts_word(), **place)
    )


def parse(records: list[bytes], config: PretrainingDataConfig) -> dict[str, np.ndarray]:
    """[batch, row, …] of every feature, read by TensorFlow."""
    description = PRETRAINING.feature_description(config.seq_len, use="training")
    parsed = tf.io.parse_example(records, description)
    return {
        name: value.numpy().reshape(-1, config.batch_size, *value.shape[1:])
        for name, value in parsed.items()
    }


CONFIGS = [
    {},
    {"bi_data": False},
    {"reuse_len": 20, "num_predict": None, "mask_strategy": "word_span"},
    {"mask_strategy": "whole_word"},
    {"mask_strategy": "single_token", "num_predict": None},
]


@pytest.mark.parametrize("overrides", CONFIGS)
def test_invariants_of_every_record(overrides):
    config = make_config(**overrides)
    features = parse(build(config), config)
    inputs, targets, seg_id = features["input"], features["target"], features["seg_id"]
    tokens = make_tokens()
    is_start = np.zeros(VOCABULARY_SIZE, bool)
    is_start[tokens.ids[tokens.sentence_starts]] = True
    # In a backward row a sentence begins with its last token.
    is_end = np.roll(is_start, -1)

    num_batches, num_rows = inputs.shape[:2]
    assert num_batches == (6000 // config.num_streams - config.seq_len) // config.reuse_len + 1
    for row in range(num_rows):
        per_core = num_rows // config.num_cores
        backward = config.bi_data and row % per_core >= per_core // 2
        step = -1 if backward else 1
        begins_sentence = is_end if backward else is_start
        row_first, row_last = (
            inputs[0, row, 0],
            inputs[0, row, 0] + step * (6000 // config.num_streams - 1),
        )
        for batch in range(num_batches):
            tokens_in, tokens_out = inputs[batch, row], targets[batch, row]
            a_len = int((seg_id[batch, row] == 0).sum()) - config.reuse_len - 1
            sep = config.reuse_len + a_len
            a, b = tokens_in[config.reuse_len : sep], tokens_in[sep + 1 : -2]
            # Layout: reuse, A, SEP, B, SEP, CLS.
            assert a_len >= 1
            assert len(b) >= 1
            assert tokens_in[sep] == tokens_in[-2] == 4
            assert tokens_in[-1] == 3
            assert seg_id[batch, row].tolist() == [0] * (sep + 1) + [1] * (len(b) + 1) + [2]
            # The reused part and A follow each other, and the batch before, in the row.
            stream = row_first + step * (batch * config.reuse_len + np.arange(sep))
            np.testing.assert_array_equal(tokens_in[:sep], stream)
            # B is a stretch of the same row from a sentence's beginning, or the row's.
            np.testing.assert_array_equal(b, b[0] + step * np.arange(len(b)))
            assert begins_sentence[b[0]] or b[0] == row_first
            assert min(row_first, row_last) <= b.min() <= b.max() <= max(row_first, row_last)
            if features["label"][batch, row] == 1:
                # What follows A, or what A had before it was shortened.
                gap = step * (b[0] - a[-1])
                assert 1 <= gap < config.ab_len
                assert gap == 1 or a_len >= len(b)
            # Targets are the next token of the row; that of the first SEP is B's first.
            is_text = np.ones(config.seq_len - 2, bool)
            is_text[sep] = False
            expected = tokens_in[:-2] + step
            np.testing.assert_array_equal(tokens_out[:-2][is_text], expected[is_text])
            assert tokens_out[sep] == b[0]
            assert tokens_out[-2:].tolist() == [3, 3]


@pytest.mark.parametrize("strategy", ["token_span", "word_span", "whole_word", "single_token"])
def test_masks_sum_to_the_number_of_predictions(strategy):
    config = make_config(mask_strategy=strategy)

    is_masked = parse(build(config), config)["is_masked"]

    # 9 * 20 // 32 = 5 in the new part.
    assert (is_masked[..., : config.reuse_len].sum(axis=-1) == 4).all()
    assert (is_masked[..., config.reuse_len :].sum(axis=-1) == 5).all()
    assert set(np.unique(is_masked)) == {0, 1}


def test_backward_rows_are_reversals():
    config = make_config()
    inputs = parse(build(config), config)["input"]
    row_len = 6000 // config.num_streams

    for core in range(config.num_cores):
        for stream in range(2):
            forward, backward = inputs[:, core * 4 + stream], inputs[:, core * 4 + 2 + stream]
            first = forward[0, 0]
            assert backward[0, 0] == first + row_len - 1
            np.testing.assert_array_equal(
                backward[0, : config.reuse_len], (first + row_len - 1) - np.arange(config.reuse_len)
            )


def test_masked_words_begin_and_end_at_words_in_reading_order():
    config = make_config(mask_strategy="whole_word", num_predict=None)
    features = parse(build(config), config)
    may_start = starts_word()
    may_start[[3, 4]] = True
    checked = 0
    for batch, row in np.ndindex(features["input"].shape[:2]):
        backward = row % 4 >= 2
        for part in (slice(None, config.reuse_len), slice(config.reuse_len, None)):
            ids, mask = (features[name][batch, row, part] for name in ("input", "is_masked"))
            if backward:
                ids, mask = ids[::-1], mask[::-1]
            edges = np.diff(np.concatenate([[0], mask, [0]]))
            for begin, end in zip(
                np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True
            ):
                assert may_start[ids[begin]]
                assert end == len(ids) or may_start[ids[end]]
                checked += 1
    assert checked > 1000


def test_half_of_the_continuations_are_random():
    config = make_config(batch_size=2, num_cores=1)

    labels = parse(build(config), config)["label"]

    # Sentences of 7.5 tokens on average, 17 for A and B: nearly all records have a cut point.
    # Standard deviation of the share of 498 records: 0.022.
    assert labels.size > 400
    assert abs(labels.mean() - 0.5) < 0.1


def test_shard_split_pass_and_seed_give_draws_of_their_own():
    config = make_config()
    first = build(config)

    assert build(config) == first
    others = [
        build(config, shard=1),
        build(config, split="eval"),
        build(config, pass_index=1),
        build(make_config(seed=2)),
    ]
    assert all(len(other) == len(first) and other != first for other in others)
    assert len({tuple(other) for other in others}) == 4


def test_statistics_count_what_is_in_the_records():
    config = make_config(num_predict=None)
    statistics = shard.ShardStatistics()
    records = list(
        shard.build_records(
            make_tokens(),
            config=config,
            starts_word=starts_word(),
            split="train",
            shard=0,
            pass_index=0,
            statistics=statistics,
        )
    )

    features = parse(records, config)

    assert statistics.num_records == len(records) == shard.num_records(6000, config)
    assert statistics.num_continued == features["label"].sum()
    assert statistics.num_masked == features["is_masked"].sum()
    assert statistics.max_masked == features["is_masked"].sum(axis=-1).max()


def test_too_few_tokens_give_no_record():
    config = make_config()
    tokens = make_tokens(config.min_shard_tokens)

    def number(num_tokens: int) -> int:
        part = shard.ShardTokens(tokens.ids[:num_tokens], tokens.sentence_starts[:5])
        place = {"split": "train", "shard": 0, "pass_index": 0}
        words = starts_word()
        return len(list(shard.build_records(part, config=config, starts_word=words, **place)))

    assert number(config.min_shard_tokens) == config.batch_size
    assert number(config.min_shard_tokens - 1) == 0
    assert number(0) == 0
