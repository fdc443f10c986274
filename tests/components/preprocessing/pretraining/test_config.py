import pytest

from components import configuration
from components.configuration import ConfigurationError
from components.preprocessing.pretraining.config import (
    PretrainingDataConfig,
    PretrainingDataConfigError,
)

LEGAL = {
    "seed": 1,
    "batch_size": 16,
    "seq_len": 512,
    "reuse_len": 256,
    "bi_data": True,
    "uncased": False,
    "num_predict": 85,
    "mask_alpha": 6,
    "mask_beta": 1,
}


def make(**overrides) -> PretrainingDataConfig:
    return PretrainingDataConfig(**{**LEGAL, **overrides})


def test_predictions_are_divided_as_published():
    # preprocess_pretrain_data.py: num_predict // 2 in the new part, the rest in the reused one.
    assert make().goals == (43, 42)
    assert make(seq_len=128, reuse_len=64, num_predict=21).goals == (11, 10)
    assert make(num_predict=None).goals == (None, None)


def test_predictions_follow_the_lengths_where_the_reused_part_is_not_half():
    assert make(reuse_len=384, num_predict=80).goals == (60, 20)


def test_too_many_predictions_are_refused_with_a_legal_number():
    with pytest.raises(PretrainingDataConfigError, match="num_predict is 85") as raised:
        make(seq_len=64, reuse_len=32, num_predict=85)

    # The new part of 32 has 29 tokens of text: 30 + 29.
    assert "at most 59" in str(raised.value)
    assert "= 10 is usual" in str(raised.value)
    assert make(seq_len=64, reuse_len=32, num_predict=59).goals == (30, 29)
    with pytest.raises(PretrainingDataConfigError):
        make(seq_len=64, reuse_len=32, num_predict=60)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"batch_size": 15}, "multiple of 2, such as 16"),
        ({"batch_size": 12, "num_cores": 8}, "multiple of 16, such as 16"),
        ({"reuse_len": 508}, "at most 507"),
        ({"mask_alpha": 1, "mask_beta": 2}, "at most mask_alpha"),
        ({"mask_strategy": "ngram"}, "'ngram'; legal values are .*'token_span'"),
        ({"num_predict": 0}, "num_predict must be positive, but is 0"),
        ({"max_gram": 0}, "max_gram"),
        ({"seq_len": 40000, "reuse_len": 20000}, "at most 32766"),
        ({"num_shards": 0}, "num_shards"),
        ({"max_dead_letter_share": 2.0}, "at most 1, but is 2"),
        ({"seq_len": 8, "reuse_len": 3, "num_predict": 2, "max_gram": 5}, "max_gram is 5"),
    ],
)
def test_illegal_settings_are_named_with_what_is_legal(overrides, message):
    legal = configuration.to_plain(make())
    with pytest.raises(ConfigurationError, match=message):
        configuration.build(PretrainingDataConfig, legal | overrides)


def test_an_odd_batch_is_legal_without_backward_rows():
    assert make(batch_size=15, bi_data=False).num_streams == 15


def test_parameters_leave_out_how_the_work_was_divided():
    parameters = make().parameters()

    assert {"seed", "batch_size", "seq_len", "reuse_len", "mask_strategy"} <= set(parameters)
    assert "shard_tokens" not in parameters
