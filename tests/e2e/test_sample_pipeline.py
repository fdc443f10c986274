"""The sample from raw files to a pushed model, as `make run` does it, and what can go wrong."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from components import tf_examples, tfrecords
from components.checkpoint_conversion import named_checkpoint
from components.checkpoint_conversion.heads import Heads, published_shapes
from pipeline import preset_loader

pytestmark = pytest.mark.e2e

BULK_INFERENCE = "bulk_inference_splits=[test, eval]"
SHORT = ("training.train_steps=60", "model.n_layer=1")
WORSE = ("training.train_steps=2", "training.warmup_steps=1", "model.n_layer=1")
# Credentials that a run may find in its environment, and must leave there.
PLANTED = {
    "AWS_ACCESS_KEY_ID": "planted-id-5b1f",
    "AWS_SECRET_ACCESS_KEY": "planted-key-5b1f",
    "HF_TOKEN": "planted-token-5b1f",
}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pipeline.cli", *arguments]


def run(output: pathlib.Path, *settings: str, **variables: str) -> subprocess.CompletedProcess:
    extra = ["--set", *settings] if settings else []
    return subprocess.run(
        command("run", "sample", "--output", str(output), *extra),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env={**os.environ, **variables},
    )


def bulk_predictions(output: pathlib.Path) -> list[pathlib.Path]:
    return list(output.glob("artifacts/BulkInferrer/output_examples/*/*/*"))


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    # The folder below which docs/quickstart.ipynb expects its own run.
    output = tmp_path_factory.mktemp("sample") / "runs" / "sample"
    return output, run(output, BULK_INFERENCE, **PLANTED)


@pytest.fixture(scope="module")
def results(first_run) -> dict:
    output, _ = first_run
    (path,) = output.glob("artifacts/Evaluator/evaluation/*/results.json")
    return json.loads(path.read_text())


def test_the_model_is_blessed_pushed_and_far_better_than_the_majority_class(first_run, results):
    output, process = first_run
    assert process.returncode == 0, process.stderr
    assert results["blessed"]
    # The sample's two classes are of about equal size.
    assert results["metrics"]["accuracy"] > 0.75
    (version,) = (output / "serving").iterdir()
    assert (version / "saved_model.pb").is_file()
    assert str(version) in process.stdout
    card = (version / "README.md").read_text()
    assert "pipeline_tag: text-classification" in card
    assert f"| accuracy | {results['metrics']['accuracy']:.4f} | ≥ 0.8000 |" in card
    examples = json.loads((version / "assets.extra/examples.json").read_text())
    assert [list(row) for row in examples] == [["text_a"]] * 2


def test_the_console_shows_components_and_no_library_warnings(first_run):
    _, process = first_run
    # TFX's BulkInferrer runs graphs in a session, and no log level holds back what the C++ side of
    # that says about the costs of operations.
    lines = [
        line
        for line in process.stderr.splitlines()
        if "op_level_cost_estimator" not in line and "absl::InitializeLog" not in line
    ]
    for word in ("Warning", "WARNING", "Traceback", "cuda", "deprecated"):
        assert word not in "\n".join(lines)
    assert re.search(r"TextExampleGen done in [^:]+: 1,300 rows \([\d.,]+/s\)\n", process.stderr)
    assert re.search(r"Trainer done in [^:]+: 400 steps, [\d.,]+ examples/s", process.stderr)
    (curves,) = re.findall(r"^learning curves .* --logdir (.*)$", process.stdout, re.MULTILINE)
    assert list(pathlib.Path(curves).rglob("*tfevents*"))
    assert len(lines) < 60


def test_no_credential_is_written_or_printed(first_run):
    output, process = first_run
    written = [path for path in output.rglob("*") if path.is_file()]
    assert len(written) > 20
    for text in (*map(pathlib.Path.read_bytes, written), process.stdout + process.stderr):
        for secret in PLANTED.values():
            assert (secret if isinstance(text, str) else secret.encode()) not in text


def test_the_report_and_the_resolved_configuration_lie_beside_the_outputs(first_run):
    output, _ = first_run
    (report,) = output.glob("artifacts/Evaluator/evaluation/*/report.html")
    text = report.read_text()
    assert "Blessed." in text
    assert "<svg" in text
    assert "Confusion matrix" in text
    assert "found nothing that departs from the schema" in text
    assert "Length in tokens" in text
    assert "train_steps: 400" in (output / "config.yaml").read_text()


def test_the_served_model_takes_text_examples_and_ids_and_agrees_with_itself(first_run):
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  (ops of the tokenizer)

    output, _ = first_run
    (version,) = (output / "serving").iterdir()
    signatures = tf.saved_model.load(str(version)).signatures
    texts = ["The staff was truly shabby.", "The coffee was rather lovely.", ""]
    by_text = signatures["serving_default"](text_a=tf.constant(texts), text_b=tf.constant([""] * 3))
    examples = [
        tf.train.Example(
            features=tf.train.Features(
                feature={
                    "text_a": tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))
                }
            )
        ).SerializeToString()
        for text in texts
    ]
    by_example = signatures["serving_tf_examples"](examples=tf.constant(examples))
    np.testing.assert_allclose(by_text["scores"], by_example["scores"], atol=1e-6)
    np.testing.assert_allclose(tf.reduce_sum(by_text["scores"], -1), 1.0, atol=1e-5)
    assert by_text["label"].numpy()[:2].tolist() == [b"negative", b"positive"]


def test_the_blessed_model_is_run_on_whole_splits(first_run, results, project_root):
    output, _ = first_run
    paths = bulk_predictions(output)
    rows = {
        path.parent.name: [tf_examples.decode(row) for row in tfrecords.read_records(str(path))]
        for path in paths
    }
    assert {split: len(found) for split, found in rows.items()} == {
        "Split-test": 100,
        "Split-eval": 200,
    }
    source = project_root / "pipeline/sample_data/classification/test.tsv"
    texts = [line.partition("\t")[0] for line in source.read_text().splitlines()[1:]]
    by_line = sorted(rows["Split-test"], key=lambda row: row["source_line"])
    assert [row["text_a"] for row in by_line] == [[text.encode()] for text in texts]
    for row in by_line:
        best = int(np.argmax(row["predicted_scores"]))
        assert row["predicted_label"] == [[b"negative", b"positive"][best]]
    right = [row["label"] == row["predicted_label"] for row in rows["Split-eval"]]
    assert np.mean(right) == pytest.approx(results["metrics"]["accuracy"])


def test_a_second_run_takes_everything_from_the_cache(first_run):
    output, _ = first_run
    before = {path for path in output.glob("artifacts/*/*/*") if path.is_dir()}
    process = run(output, BULK_INFERENCE)
    assert process.returncode == 0, process.stderr
    after = {path for path in output.glob("artifacts/*/*/*") if path.is_dir()}
    assert after == before
    assert len(list((output / "serving").iterdir())) == 1


def test_other_weights_under_the_same_path_are_not_taken_from_the_cache(tmp_path):
    weights, output = tmp_path / "weights", tmp_path / "out"
    weights.mkdir()
    network = preset_loader.load("sample", WORSE).sized_model()
    trained = []
    for value in (0.1, 0.2):
        arrays = {
            name: np.full(shape, value, np.float32)
            for name, shape in published_shapes(network, Heads()).items()
        }
        named_checkpoint.write_arrays(str(weights), arrays)
        process = run(output, *WORSE, f"init_from={weights}")
        assert process.returncode == 2, process.stderr
        trained.append(len(list(output.glob("artifacts/Trainer/model_run/*"))))
    assert trained == [1, 2]
    # What does not depend on the weights is.
    assert len(list(output.glob("artifacts/SentencePieceGen/model/*"))) == 1


def test_the_notebook_takes_the_model_from_the_cache_and_pushes_what_was_removed(
    first_run, project_root
):
    output, _ = first_run
    shutil.rmtree(output / "serving")
    notebook = json.loads((project_root / "docs/quickstart.ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    after = """
assert result.blessed and result.metrics["accuracy"] > 0.75
assert model.predict(["The coffee was lovely."])[0]["label"] == "positive"
assert len(pd.read_csv("scores.csv")) == 2
"""
    before = {path for path in output.glob("artifacts/*/*/*") if path.is_dir()}
    process = subprocess.run(
        [sys.executable, "-c", "\n".join([*cells, after])],
        capture_output=True,
        text=True,
        timeout=600,
        # Its paths are relative, and the project is not installed.
        cwd=output.parent.parent,
        env={**os.environ, "PYTHONPATH": str(project_root)},
    )
    assert process.returncode == 0, process.stderr
    changed = {path for path in output.glob("artifacts/*/*/*") if path.is_dir()} ^ before
    assert {path.parts[-3] for path in changed} == {"Pusher"}
    assert "Trainer taken from the cache" in process.stderr


def test_a_worse_model_is_not_pushed_and_the_reason_is_said(first_run):
    output, _ = first_run
    process = run(output, BULK_INFERENCE, *WORSE)
    assert process.returncode == 2
    assert "accuracy is 0." in process.stdout
    assert "below the minimum of 0.8000" in process.stdout
    assert "lower than that of the latest blessed model" in process.stdout
    assert len(list((output / "serving").iterdir())) == 1
    assert len({path.parent.parent for path in bulk_predictions(output)}) == 1


def test_malformed_rows_are_counted_and_too_many_fail_the_run(tmp_path, project_root):
    data = tmp_path / "data"
    data.mkdir()
    source = project_root / "pipeline" / "sample_data" / "classification"
    for name in ("eval.tsv", "test.tsv"):
        (data / name).write_bytes((source / name).read_bytes())
    rows = (source / "train.tsv").read_bytes() + b"no label\nodd\tsideways\n\xff\xfe\tpositive\n"
    (data / "train.tsv").write_bytes(rows)
    process = run(tmp_path / "out", f"data.root={data}")
    assert process.returncode == 1
    assert "error: 3 of " in process.stderr
    assert "unknown label: 1" in process.stderr


def test_a_killed_run_leaves_nothing_that_a_later_one_would_read(tmp_path):
    output = tmp_path / "out"
    process = subprocess.Popen(
        command("run", "sample", "--output", str(output), "--set", *SHORT),
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    for line in process.stderr:
        if "StatisticsGen done" in line or "SentencePieceGen done" in line:
            break
    time.sleep(3)  # somewhere within Transform or training
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = run(output, *SHORT, "evaluation.thresholds.accuracy.minimum=0.1")
    assert again.returncode == 0, again.stderr
    # If a component was killed, its next execution writes into a folder of its own.
    complete = [path.parent for path in output.glob("artifacts/*/*/*/manifest.json")]
    assert complete
    for folder in [*complete, output / "serving"]:
        assert not list(folder.glob("**/*.partial"))
