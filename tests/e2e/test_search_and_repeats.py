"""A pipeline that searches settings and repeats seeds, and its second run."""

import json

import pytest

from pipeline import cli

pytestmark = pytest.mark.e2e

# Nothing is learnt in two updates; what matters is what is made of the trainings.
SETTINGS = [
    *("seq_len=8", "model.n_layer=1", "training.train_steps=2", "training.warmup_steps=0"),
    *("training.steps_per_loop=2", "evaluation.thresholds.accuracy.minimum=0.01"),
    "search={metric: loss, max_trials: 2, space: {training.learning_rate: {values: [0.05, 0.1]}}}",
    "repeats={metric: accuracy, seeds: [0, 1, 2]}",
]


def test_trials_and_seeds_are_trained_reported_and_cached(tmp_path, capsys):
    command = ["run", "sample", "--output", str(tmp_path), "--set", *SETTINGS]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out

    (results,) = tmp_path.glob("artifacts/Tuner/tuner_results/*/tuner_results.json")
    trials = json.loads(results.read_text())
    assert len(trials) == 2
    best = min(trials, key=lambda trial: trial["score"])
    (found,) = tmp_path.glob("artifacts/Trainer/model_run/*/found_settings.json")
    assert json.loads(found.read_text()) == {
        "training.learning_rate": best["training.learning_rate"]
    }
    repeats = json.loads((found.parent / "repeats.json").read_text())
    accuracies = {run["seed"]: run["metrics"]["accuracy"] for run in repeats["runs"]}
    assert repeats["median"] == sorted(accuracies.values())[1] == accuracies[repeats["median_seed"]]
    # The run of the search that was best is that of the first seed: five trainings, four made.
    assert len(list((tmp_path / "training").iterdir())) == 4

    lines = printed.splitlines()
    assert [line.split()[0] for line in lines if "with training" in line] == ["trial", "trial"]
    median = f"seed {repeats['median_seed']}"
    assert [line[:6] for line in lines if line.endswith("the median, which is evaluated")] == [
        median
    ]
    (report,) = tmp_path.glob("artifacts/Evaluator/evaluation/*/report.html")
    text = report.read_text()
    assert "(median of accuracy)" in text
    assert f"training.learning_rate = {best['training.learning_rate']}" in text

    artifacts = {path for path in tmp_path.glob("artifacts/*/*/*") if path.is_dir()}
    assert cli.main(command) == 0
    assert {path for path in tmp_path.glob("artifacts/*/*/*") if path.is_dir()} == artifacts
    assert capsys.readouterr().out == printed
