"""The sample of question answering from SQuAD files to a pushed model, and a second run."""

import json
import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.e2e


def command(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def run(output: pathlib.Path, *settings: str) -> subprocess.CompletedProcess:
    extra = ["--set", *settings] if settings else []
    return command("run", "sample_question_answering", "--output", str(output), *extra)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    output = tmp_path_factory.mktemp("sample_question_answering")
    return output, run(output)


@pytest.fixture(scope="module")
def evaluation(first_run) -> pathlib.Path:
    output, _ = first_run
    (path,) = output.glob("artifacts/QuestionAnsweringEvaluator/evaluation/*/results.json")
    return path.parent


def test_the_sample_is_learnt_blessed_and_pushed(first_run, evaluation):
    output, process = first_run
    assert process.returncode == 0, process.stderr
    results = json.loads((evaluation / "results.json").read_text())
    assert results["blessed"]
    assert results["metrics"]["best_f1"] >= 80
    (version,) = (output / "serving").iterdir()
    assert (version / "saved_model.pb").is_file()
    assert str(version) in process.stdout


def test_every_question_has_a_prediction_and_the_command_gives_the_same_scores(
    evaluation, project_root, tmp_path
):
    dataset = project_root / "pipeline" / "sample_data" / "question_answering" / "dev.json"
    articles = json.loads(dataset.read_text())["data"]
    ids = {qa["id"] for a in articles for p in a["paragraphs"] for qa in p["qas"]}
    names = ("predictions", "nbest_predictions", "null_odds")
    written = {name: json.loads((evaluation / f"{name}.json").read_text()) for name in names}
    assert all(set(values) == ids for values in written.values())

    def scores(predictions, *options):
        asked = ("--dataset", str(dataset), "--predictions", str(predictions), *options)
        scored = command("evaluate", "squad", *asked)
        assert scored.returncode == 0, scored.stderr
        return json.loads(scored.stdout)

    results = json.loads((evaluation / "results.json").read_text())
    answered = {
        key: "" if written["null_odds"][key] > results["null_threshold"] else text
        for key, text in written["predictions"].items()
    }
    as_pushed = tmp_path / "as_pushed.json"
    as_pushed.write_text(json.dumps(answered))
    given = ("--null-odds", str(evaluation / "null_odds.json"))
    found = scores(evaluation / "predictions.json", *given) | scores(as_pushed)
    assert found == pytest.approx(results["metrics"])


def test_the_report_shows_curves_and_slices(evaluation):
    text = (evaluation / "report.html").read_text()
    for words in ("Blessed.", "Learning curves", "Precision and recall", "question_word = who"):
        assert words in text


def test_a_second_run_takes_everything_from_the_cache(first_run):
    output, _ = first_run
    before = {path for path in output.glob("artifacts/*/*/*") if path.is_dir()}
    process = run(output)
    assert process.returncode == 0, process.stderr
    after = {path for path in output.glob("artifacts/*/*/*") if path.is_dir()}
    assert after == before
    assert len(list((output / "serving").iterdir())) == 1


def test_a_worse_model_is_compared_with_the_blessed_one_and_not_pushed(first_run):
    output, _ = first_run
    process = run(output, "training.train_steps=2", "training.warmup_steps=1", "model.n_layer=1")
    assert process.returncode == 2, process.stderr
    assert "below the minimum of 80.0000" in process.stdout
    assert "lower than that of the latest blessed model" in process.stdout
    assert len(list((output / "serving").iterdir())) == 1


def test_the_pushed_model_answers_text_as_the_evaluation_did(
    first_run, evaluation, project_root, tmp_path
):
    output, _ = first_run
    dataset = project_root / "pipeline" / "sample_data" / "question_answering" / "dev.json"
    predicted = command(
        *("predict", str(output / "serving"), "--squad", str(dataset), "--output", str(tmp_path))
    )
    assert predicted.returncode == 0, predicted.stderr
    of_evaluation, odds, threshold = (
        json.loads((evaluation / "predictions.json").read_text()),
        json.loads((evaluation / "null_odds.json").read_text()),
        json.loads((evaluation / "results.json").read_text())["metrics"]["best_f1_thresh"],
    )
    answers = json.loads((tmp_path / "predictions.json").read_text())
    assert json.loads((tmp_path / "null_odds.json").read_text()) == pytest.approx(odds, abs=1e-3)
    # Other paddings round otherwise: what lies at the threshold itself may fall on either side.
    clear = [key for key in answers if abs(odds[key] - threshold) > 1e-3]
    assert len(clear) > 0.9 * len(answers)
    expected = {key: of_evaluation[key] if odds[key] < threshold else "" for key in clear}
    assert {key: answers[key] for key in clear} == expected
