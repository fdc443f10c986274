"""What a run is started with is checked as if it stood in the configuration."""

import re

import pytest

from pipeline import runtime_parameters


def apply(config, *assignments):
    return runtime_parameters.apply(config, runtime_parameters.parse(assignments))


def test_given_values_take_the_place_of_the_configuration_s(deployed):
    config = deployed()
    assert apply(config) == config
    asked = apply(
        config,
        "data_root=gs://other/data",
        "train_steps=70",
        "learning_rate=0.5",
        "init_from=gs://other/weights",
        'thresholds={"accuracy": {"minimum": 0.25}}',
    )
    assert (asked.data.root, asked.init_from) == ("gs://other/data", "gs://other/weights")
    assert (asked.training.train_steps, asked.training.learning_rate) == (70, 0.5)
    assert asked.evaluation.thresholds["accuracy"].minimum == 0.25
    assert asked.training.batch_size == config.training.batch_size
    # Empty means what the pipeline was compiled with.
    assert apply(asked, "init_from=", "thresholds=") == asked


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("train_steps=-5", "train_steps must be positive, but is -5"),
        ("train_steps=0", "train_steps must be positive, but is 0"),
        # The sample warms up for 40 updates.
        ("train_steps=7", r"warmup_steps must be below train_steps \(7\)"),
        ("batch_size=0", "batch_size must be positive"),
        ("learning_rate=nan", "learning_rate must be a finite number"),
        ("learning_rate=inf", "learning_rate must be a finite number"),
        ("thresholds={accuracy: {minimum: 0.8}}", "thresholds is not valid JSON"),
        ("thresholds=[]", "should be a JSON object"),
        ('thresholds={"acuracy": {"minimum": 0.8}}', "names acuracy; this task measures accuracy"),
        ('thresholds={"accuracy": 0.8}', r"thresholds\.accuracy should be a mapping"),
        ('thresholds={"accuracy": {"minimum": NaN}}', "minimum must be a finite number"),
        ("thresholds={}", "thresholds is empty"),
        ("data_root=", "data_root is empty; give a value, or leave it out"),
        ("train_steps=500 train_steps=600", "train_steps is given twice"),
    ],
)
def test_what_would_fail_hours_later_is_named_at_once(deployed, given, message):
    with pytest.raises(ValueError, match=message):
        apply(deployed(), *re.split(r" (?=train_steps)", given))


def test_the_batches_of_pretraining_fit_its_records(deployed):
    with pytest.raises(ValueError, match="batch_size is 12, but the records are made for batches"):
        apply(deployed(preset="sample_pretraining"), "batch_size=12")
