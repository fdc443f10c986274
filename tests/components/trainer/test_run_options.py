import dataclasses
import json

import pytest
from tfx import v1 as tfx

from components import configuration
from components.trainer import repeats, run_folder, run_options, search
from components.trainer.classification import run_fn
from components.trainer.classification.fine_tuning import FineTuningConfig


def fn_args(config: FineTuningConfig, sample_records, directory, **custom):
    made = tfx.components.FnArgs(
        working_dir=str(directory / "tuner"),
        train_files=[sample_records.pattern("train")],
        eval_files=[sample_records.pattern("eval")],
        model_run_dir=str(directory / "model_run"),
        custom_config={
            run_fn.CONFIG_KEY: configuration.to_json(config),
            run_folder.STATE_ROOT_KEY: str(directory / "state"),
            **custom,
        },
    )
    return made


def test_what_a_search_finds_is_trained_with_all_seeds(
    fine_tuning_config,
    sample_records,
    tmp_path,
):
    config = dataclasses.replace(
        fine_tuning_config,
        training=dataclasses.replace(
            fine_tuning_config.training, train_steps=4, warmup_steps=0, save_steps=4
        ),
    )
    asked = search.SearchConfig(
        space={"training.learning_rate": search.Range(values=(1e-2, 1e-30))},
        metric="loss",
        max_trials=2,
    )
    tuner_args = fn_args(
        config, sample_records, tmp_path, **{search.SEARCH_KEY: configuration.to_json(asked)}
    )
    tuner = run_fn.tuner_fn(tuner_args).tuner
    tuner.search()
    found = tuner.get_best_hyperparameters()[0].get_config()
    # With a rate of almost 0 nothing is learnt.
    assert found["values"] == {"training.learning_rate": 1e-2}

    twice = repeats.Repeats((3, 4), "accuracy")
    args = fn_args(
        config, sample_records, tmp_path, **{repeats.REPEATS_KEY: configuration.to_json(twice)}
    )
    args.hyperparameters = found
    used, result = run_options.train(config, args, run_fn._train(args))
    assert used.training.learning_rate == 1e-2
    assert result.step == 4
    report = json.loads((tmp_path / "model_run" / "repeats.json").read_text())
    assert [run["seed"] for run in report["runs"]] == [3, 4]
    assert report["median"] == min(run["metrics"]["accuracy"] for run in report["runs"])
    assert result.metrics["accuracy"] == pytest.approx(report["median"])
    assert (tmp_path / "model_run" / "history" / "history.jsonl").exists()
    # Two trials and two seeds, a folder each.
    assert len(list((tmp_path / "state").iterdir())) == 4
