import pytest

from components.configuration import ConfigurationError
from pipeline import preset_loader
from pipeline.kinds.pretraining import graph


def load(*overrides):
    return preset_loader.load("sample_pretraining", overrides)


def test_what_the_records_determine_is_said_once():
    config = load()
    options = graph.pretraining(config).options
    assert (options.reuse_len, options.bi_data, options.mem_len) == (32, True, 48)
    assert graph.pretraining(config).perm_size == 32


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("options.reuse_len=16", r"options.reuse_len is 16, but records.reuse_len is 32"),
        ("records.uncased=true", "records.uncased is True, but vocabulary.uncased is False"),
        ("vocabulary.keep_accents=true", "records.keep_accents is False, but vocabulary.keep_acc"),
        ("training.batch_size=12", r"training.batch_size is 12.*8 rows.*8 or 16 would fit"),
        ("training.eval_batch_size=4", r"training.eval_batch_size is 4.*: 8 would fit"),
        ("perm_size=33", r"perm_size is 33; legal is 1 to 32"),
        ("leak_ratio=2", "leak_ratio must be at most 1, but is 2"),
        ("records.num_predict=85", r"num_predict is 85.*at most"),
        (
            "data.document_split={test: 1}",
            "train, eval, test; they should be exactly train and eval",
        ),
        ("weight=0", "weight must be positive"),
        ("evaluation.thresholds.accuracy={minimum: 1}", "names accuracy; this task measures"),
        ("records.seq_length=3", "Did you mean 'seq_len'"),
    ],
)
def test_what_does_not_fit_is_named(override, message):
    with pytest.raises(ConfigurationError, match=message):
        load(override)


def test_the_flags_of_a_public_issue_end_at_once():
    # xlnet#217: these hang the published preprocessing.
    with pytest.raises(ConfigurationError, match=r"num_predict is 85.*no room.*at most"):
        load("records.seq_len=64", "records.reuse_len=32", "records.num_predict=85")
