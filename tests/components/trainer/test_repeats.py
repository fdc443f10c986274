import dataclasses
import json
import math

import pytest

from components import configuration
from components.configuration import ConfigurationError
from components.trainer import overrides, repeats
from components.trainer.actions import Progress
from components.trainer.best_model import UnknownMetricError
from components.trainer.classification.fine_tuning import FineTuningConfig
from components.trainer.config import TrainingConfig
from components.trainer.divergence import DivergenceError
from components.trainer.loop import TrainingResult
from components.trainer.preemption import PreemptedError
from components.trainer.repeats import Repeats, median_seed, train_median
from components.trainer.search import Range, SearchConfig
from components.trainer.settings_tuner import SearchError, SettingsTuner


@pytest.fixture(scope="module")
def config(tiny_model, tiny_options) -> FineTuningConfig:
    return FineTuningConfig(
        kind="classification",
        task_name="sample",
        labels=("no", "yes"),
        metric_names=("accuracy",),
        seq_len=8,
        uncased=False,
        model=tiny_model,
        options=tiny_options,
        training=TrainingConfig(batch_size=8, train_steps=10, learning_rate=1e-3),
    )


def test_overrides_replace_single_settings_by_their_dotted_names(config):
    made = overrides.apply(config, {"training.learning_rate": 2e-3, "options.dropout": 0.2})
    assert made == dataclasses.replace(
        config,
        training=dataclasses.replace(config.training, learning_rate=2e-3),
        options=dataclasses.replace(config.options, dropout=0.2),
    )
    with pytest.raises(ConfigurationError, match="Did you mean 'learning_rate'"):
        overrides.apply(config, {"training.learning_rat": 1.0})
    with pytest.raises(ConfigurationError, match="names no setting"):
        overrides.apply(config, {"training.learning_rate.x": 1.0})


@pytest.mark.parametrize(
    ("values", "metric", "seed"),
    [
        ({1: 0.3, 2: 0.9, 3: 0.5}, "accuracy", 3),
        ({1: 0.3, 2: 0.9, 3: 0.5, 4: 0.8}, "accuracy", 3),
        ({7: 1.0, 5: 1.0}, "accuracy", 5),
        ({1: 0.9, 2: math.nan, 3: 0.1}, "accuracy", 3),
        ({1: 0.9, 2: math.nan, 3: 0.1}, "loss", 1),
    ],
)
def test_the_median_is_the_middle_or_the_lower_of_two(values, metric, seed):
    assert median_seed(values, metric) == seed


def test_the_run_of_the_median_goes_on_and_all_are_reported(config, tmp_path):
    scores = {3: 0.7, 5: 0.9, 8: 0.8}
    calls = []

    def train(made, model_dir, state_root):
        assert made.options.init_seed == made.training.seed
        calls.append((made.training.seed, model_dir.rpartition("/")[2], state_root))
        return TrainingResult(None, 10, {"accuracy": scores[made.training.seed]})

    result = train_median(
        config,
        Repeats((3, 5, 8), "accuracy"),
        train=train,
        model_dir=str(tmp_path),
        state_root="root",
    )
    assert result.metrics == {"accuracy": 0.8}
    assert calls == [
        *((seed, f"seed_{seed}", "root") for seed in scores),
        (8, tmp_path.name, "root"),
    ]
    report = json.loads((tmp_path / "repeats.json").read_text())
    assert (report["median"], report["median_seed"]) == (0.8, 8)
    assert [run["metrics"]["accuracy"] for run in report["runs"]] == [0.7, 0.9, 0.8]


def test_what_cannot_be_repeated_is_an_error(config, tmp_path):
    for seeds in ((1,), (1, 1)):
        with pytest.raises(ValueError, match="at least two, all different"):
            Repeats(seeds, "accuracy")
    with pytest.raises(ConfigurationError, match=r"seeds\[1\] must be at least 0, but is -1"):
        configuration.build(Repeats, {"seeds": [1, -1], "metric": "accuracy"})
    with pytest.raises(ValueError, match=r"repeats.metric is 'f1'; .* give accuracy"):
        train_median(
            config,
            repeats.Repeats((1, 2), "f1"),
            train=lambda *_: TrainingResult(None, 1, {"accuracy": 0.5}),
            model_dir=str(tmp_path),
            state_root=None,
        )


def searched(config, tmp_path, score, **changes):
    search = SearchConfig(
        **(
            {
                "space": {
                    "training.learning_rate": Range(minimum=1e-5, maximum=1e-3, scale="log"),
                    "training.batch_size": Range(values=(8, 16)),
                },
                "metric": "accuracy",
                "max_trials": 6,
            }
            | changes
        )
    )
    tried = []

    def train(made, directory):
        tried.append(made.training)
        return TrainingResult(None, 10, {search.metric: score(made.training)})

    tuner = SettingsTuner(search=search, config=config, train=train, directory=str(tmp_path))
    tuner.search()
    return tuner, tried


def test_a_search_keeps_within_the_space_and_finds_the_best_of_its_trials(config, tmp_path):
    tuner, tried = searched(config, tmp_path, lambda training: -training.learning_rate)
    assert len(tried) == 6
    assert all(1e-5 <= training.learning_rate <= 1e-3 for training in tried)
    assert {training.batch_size for training in tried} <= {8, 16}
    assert len({training.learning_rate for training in tried}) == 6
    best = tuner.get_best_hyperparameters()[0].get_config()["values"]
    assert best["training.learning_rate"] == min(training.learning_rate for training in tried)
    found = overrides.apply(config, best)
    assert found.training.learning_rate == best["training.learning_rate"]


def test_settings_that_are_legal_only_together_may_be_searched(config):
    still = dataclasses.replace(
        config, training=dataclasses.replace(config.training, warmup_steps=9)
    )
    space = {
        "training.train_steps": Range(minimum=4, maximum=8),
        "training.warmup_steps": Range(values=(2, 3)),
    }
    SearchConfig(space=space, metric="accuracy", max_trials=1).check(still)


def test_whole_numbers_are_drawn_for_settings_that_take_no_others(config, tmp_path):
    space = {
        "training.warmup_steps": Range(minimum=1, maximum=3),
        "training.weight_decay": Range(minimum=0, maximum=1),
    }
    asked = SearchConfig(space=space, metric="accuracy", max_trials=12)
    sent = configuration.from_json(SearchConfig, configuration.to_json(asked))
    _, tried = searched(config, tmp_path, lambda training: 0.0, space=sent.space, max_trials=12)
    assert {training.warmup_steps for training in tried} == {1, 2, 3}
    assert len({training.weight_decay for training in tried}) == 12


def diverge(training):
    raise DivergenceError(
        Progress(3, 10, 0.0, 0.0, training.learning_rate, 1.0), "loss is nan", sound_step=2
    )


def test_the_lowest_perplexity_is_the_best_and_trials_may_fail(config, tmp_path):
    def score(training):
        return diverge(training) if training.batch_size == 8 else training.learning_rate

    tuner, tried = searched(config, tmp_path, score, metric="perplexity")
    best = tuner.get_best_hyperparameters()[0].get_config()["values"]
    good = [training.learning_rate for training in tried if training.batch_size == 16]
    assert best["training.learning_rate"] == min(good)


def test_a_space_that_is_not_legal_is_an_error_before_any_trial(config, tmp_path):
    with pytest.raises(ConfigurationError, match="batch_size must be positive"):
        searched(config, tmp_path, None, space={"training.batch_size": Range(values=(0, 8))})
    steps, warmup = "training.train_steps", "training.warmup_steps"
    space = {steps: Range(values=(50, 400)), warmup: Range(values=(5, 100))}
    with pytest.raises(
        ConfigurationError, match=rf"space at {steps}=50, {warmup}=100: .* below train_steps \(50\)"
    ):
        searched(config, tmp_path, None, space=space)
    with pytest.raises(ValueError, match="either values, or minimum and maximum"):
        Range(values=(1,), minimum=0.0, maximum=1.0)
    with pytest.raises(ValueError, match="positive on a log scale"):
        Range(minimum=0.0, maximum=1.0, scale="log")


def test_a_search_in_which_every_trial_fails_is_one_error_with_the_reasons(config, tmp_path):
    with pytest.raises(SearchError, match=r"None of 5 trials .*rate.*diverged at update 3 of 10"):
        searched(config, tmp_path, diverge, max_trials=5)


@pytest.mark.parametrize(
    "error", [PreemptedError("asked to end"), ValueError("no records"), OSError("no room")]
)
def test_what_is_no_fault_of_a_trial_ends_the_search_at_once(config, tmp_path, error):
    calls = []

    def score(training):
        calls.append(training)
        raise error

    with pytest.raises(type(error), match=str(error)):
        searched(config, tmp_path, score)
    assert len(calls) == 1


def test_a_metric_that_there_is_not_ends_the_search_with_those_that_there_are(config, tmp_path):
    search = SearchConfig(
        space={"training.learning_rate": Range(values=(1e-3, 1e-4))}, metric="f1", max_trials=2
    )
    tuner = SettingsTuner(
        search=search,
        config=config,
        train=lambda *_: TrainingResult(None, 10, {"accuracy": 0.5}),
        directory=str(tmp_path),
    )
    with pytest.raises(UnknownMetricError, match=r"search.metric is 'f1'; .* give accuracy"):
        tuner.search()
