"""Questions with options from RACE's files to a pushed model that takes text."""

import json
import pathlib
import random
import re

import numpy as np
import pytest
import yaml

from tests.e2e import race_passages

pytestmark = pytest.mark.e2e

# Four questions in each file of each level.
_NUM_FILES = {"train": 60, "dev": 12}
_SETTINGS = {
    "extends": ["base", "sizes/tiny"],
    "kind": "classification",
    "name": "tiny-race",
    "data": {"task": "race"},
    "vocabulary": {"size": 60},
    "seq_len": 48,
    "max_qa_length": 24,
    "model": {"n_token": 60, "n_layer": 1, "d_model": 32, "d_inner": 64, "n_head": 2},
    "options": {"init_std": 0.05, "dropout": 0.0, "dropout_att": 0.0},
    "training": {
        "batch_size": 16,
        "train_steps": 150,
        "learning_rate": 5.0e-3,
        "warmup_steps": 10,
        "eval_batch_size": 16,
        "steps_per_loop": 50,
        "save_steps": 150,
    },
    "evaluation": {
        "thresholds": {"accuracy": {"minimum": 0.5}},
        "slice_by": ["level"],
        "slice_thresholds": {"level": {"middle": {"accuracy": {"minimum": 0.9}}}},
    },
}


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> pathlib.Path:
    """A run's folder. Of the level `high` nothing can be learnt."""
    from pipeline import local_runner, preset_loader

    rng = random.Random(0)
    directory = tmp_path_factory.mktemp("race")
    for split, number in _NUM_FILES.items():
        for level in ("middle", "high"):
            folder = directory / "RACE" / split / level
            folder.mkdir(parents=True)
            for i in range(number):
                content = race_passages.make(rng, can_be_told=level == "middle")
                (folder / f"{i}.txt").write_text(json.dumps(content))
    path = directory / "race.yaml"
    path.write_text(yaml.safe_dump(_SETTINGS))
    places = [f"data.root={directory}/RACE", f"run.output_root={directory}/run"]
    summary = local_runner.run(preset_loader.load(str(path), places))
    assert summary.blessed, summary.failures
    assert pathlib.Path(summary.pushed_model).parent == directory / "run" / "serving"
    return directory / "run"


def test_levels_are_measured_apart(output):
    (path,) = output.glob("artifacts/Evaluator/evaluation/*/results.json")
    results = json.loads(path.read_text())
    slices = {row["name"]: row for row in results["slices"]}
    assert set(slices) == {"level = high", "level = middle"}
    high, middle = slices["level = high"], slices["level = middle"]
    assert (high["count"], middle["count"]) == (48, 48)
    # Right by chance is one in four.
    assert middle["metrics"]["accuracy"] > 0.9
    assert high["metrics"]["accuracy"] < 0.5
    both = (middle["metrics"]["accuracy"] + high["metrics"]["accuracy"]) / 2
    assert results["metrics"]["accuracy"] == pytest.approx(both)
    report = path.with_name("report.html").read_text()
    assert "level = high" in report
    # What was wrong, with the texts of the options.
    assert re.search(r"[ABCD]: a (cat|dog|hen|fox|owl|cow)", report)


def test_the_pushed_model_chooses_among_texts(output):
    from components import tf_examples
    from components.serving import rest, text_rows
    from components.serving.pushed_model import PredictionError, PushedModel

    model = PushedModel.latest(str(output / "serving"))
    assert model.kind == "multiple_choice"
    assert model.warm_up() > 0
    words = ["a box", "a cat", "a cup", "a hat"]
    article, question = "Sam went out. Something moved.", "Which is alive?"
    texts = {"text_a": article, "text_b": question, "options": words}
    (row,) = text_rows.predict(model, [{text_rows.TEXTS: texts}], batch_size=8)
    prediction = row["prediction"]
    assert (prediction["option"], prediction["label"]) == ("a cat", "B")
    assert prediction["labels"] == ["A", "B", "C", "D"]
    scores = np.array(prediction["scores"])
    assert scores.sum() == pytest.approx(1, abs=1e-5)

    order = [3, 1, 0, 2]
    body = {"instances": [{**texts, "options": [words[i] for i in order]}]}
    request = rest.parse(json.dumps(body).encode(), model.signatures, rest.Limits())
    again = model.run(request.signature, request.inputs)
    np.testing.assert_allclose(again["scores"][0], scores[order], atol=1e-6)
    assert again["option"].tolist() == [b"a cat"]

    example = tf_examples.encode(
        {
            "text_a": [article.encode()],
            "text_b": [question.encode()],
            "options": [word.encode() for word in words],
        }
    )
    by_example = model.run("serving_tf_examples", {"examples": np.array([example], object)})
    np.testing.assert_allclose(by_example["scores"][0], scores, atol=1e-6)
    assert model.signatures["serving_ids"].inputs["input_ids"].shape == [None, 4, 48]
    with pytest.raises(PredictionError, match="needs 4 values of options, none of them empty"):
        model.predict(text_a=[article], text_b=[question], options=[["a box", "", "a", "b"]])


def test_a_level_that_is_too_bad_stops_the_model(output):
    """The same evaluation again, with a bound for the other level."""
    import tensorflow_model_analysis as tfma
    from apache_beam.options.pipeline_options import PipelineOptions

    from components import configuration
    from components.evaluator.classification import tfma_config, tfma_results
    from components.evaluator.config import EvaluationConfig

    bounds = {
        "level": {"high": {"accuracy": {"minimum": 0.9}}, "none": {"accuracy": {"minimum": 0}}}
    }
    config = configuration.build(
        EvaluationConfig, {**_SETTINGS["evaluation"], "slice_thresholds": bounds}
    )
    (model,) = output.glob("artifacts/Trainer/model/*/Format-Serving")
    (examples,) = output.glob("artifacts/TextExampleGen/examples/*/Split-eval")
    directory = str(output / "again")
    eval_config = tfma_config.make_eval_config(config, metrics=["accuracy"], labels="ABCD")
    tfma.run_model_analysis(
        eval_config=eval_config,
        eval_shared_model=tfma.default_eval_shared_model(str(model), eval_config=eval_config),
        data_location=f"{examples}/*",
        output_path=directory,
        pipeline_options=PipelineOptions(["--runner=FnApiRunner"]),
    )
    results = tfma_results.read(directory, config, metrics=["accuracy"], slice_metrics=["accuracy"])
    assert not results.blessed
    below, missing = results.failures
    assert below.startswith("accuracy where level = high is 0.")
    assert below.endswith("below the minimum of 0.9000")
    assert missing == "no example belongs to the slice level = none, which has a threshold"
