"""The sample of pretraining from text to a pushed encoder, and a fine-tune that starts from it."""

import json
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf

pytestmark = pytest.mark.e2e


def command(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    output = tmp_path_factory.mktemp("sample_pretraining")
    return output, command("run", "sample_pretraining", "--output", str(output))


@pytest.fixture(scope="module")
def encoder(pretrained) -> pathlib.Path:
    output, process = pretrained
    assert process.returncode == 0, process.stderr
    (version,) = (output / "serving").iterdir()
    return version


def test_text_becomes_a_blessed_encoder(pretrained, encoder):
    output, process = pretrained
    assert str(encoder) in process.stdout
    assert {"xlnet_model.ckpt.index", "xlnet_config.json", "spiece.model"} <= {
        path.name for path in encoder.iterdir()
    }
    (results,) = output.glob("artifacts/PretrainingEvaluator/evaluation/*/results.json")
    metrics = json.loads(results.read_text())["metrics"]
    # Guessing among the pieces evenly gives 450.
    assert metrics["perplexity"] < 60
    report = (results.parent / "report.html").read_text()
    assert "perplexity" in report
    assert "≤ 60.0000" in report


def test_a_fine_tune_starts_from_it(encoder, tmp_path):
    process = command(
        "run",
        "sample",
        "--output",
        str(tmp_path),
        "--init-from",
        str(encoder),
        "--vocabulary",
        str(encoder / "spiece.model"),
        "--set",
        "vocabulary.size=null",
        "model.n_token=450",
        "training.train_steps=1",
        "training.warmup_steps=0",
        "training.learning_rate=1e-30",
        "evaluation.thresholds.accuracy.minimum=0.0",
    )
    assert process.returncode == 0, process.stderr
    assert "variables from" in process.stderr
    (weights,) = tmp_path.glob("artifacts/Trainer/model_run/*/xlnet")
    ours = tf.train.load_checkpoint(str(weights / "xlnet_model.ckpt"))
    theirs = tf.train.load_checkpoint(str(encoder / "xlnet_model.ckpt"))
    names = [n for n in theirs.get_variable_to_shape_map() if n.startswith("model/transformer/")]
    assert len(names) > 30
    for name in names:
        assert (ours.get_tensor(name) == theirs.get_tensor(name)).all(), name
