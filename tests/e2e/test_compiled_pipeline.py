"""The compiled sample, run task by task as Kubeflow's driver and launcher would."""

import json
import pathlib

import pytest

from tests.e2e.launched import check_pushed, launch, results_of, volume  # noqa: F401  (fixtures)
from tests.pipeline.conftest import deployed  # noqa: F401  (fixture)

pytestmark = pytest.mark.e2e


def test_a_model_is_pushed_with_the_values_given_at_the_start(
    launch,  # noqa: F811
    volume,  # noqa: F811
    project_root,
):
    data = project_root / "pipeline/sample_data/classification"
    # Every parameter differs from what was compiled in.
    launcher = launch(
        "sample",
        {path.name: path.read_bytes() for path in data.iterdir()},
        "training.save_steps=10",
        "model.n_layer=1",
        train_steps=41,
        batch_size=8,
        learning_rate=0.25e-3,
        thresholds=json.dumps({"accuracy": {"minimum": 0.01}}),
    )
    history = launcher.folder("Trainer", "model_run") / "history"
    rows = [json.loads(line) for line in next(history.glob("*.jsonl")).read_text().splitlines()]
    training = [row for row in rows if "learning_rate" in row]
    assert training[-1]["step"] == 41
    # The preset's peak is 2e-3, reached after 40 updates; one more decays it by 1 / (41 - 40).
    assert max(row["learning_rate"] for row in training) == pytest.approx(0.25e-3, rel=0.1)
    results = results_of(launcher)
    assert results["blessed"]
    assert results["metrics"]["accuracy"] < 0.8, "the compiled threshold would have passed as well"
    shown = launcher.outputs["Visualization"]
    assert shown["metrics"]["metadata"]["accuracy"] == results["metrics"]["accuracy"]
    confusion = shown["classification"]["metadata"]["confusionMatrix"]["struct"]
    assert [spec["displayName"] for spec in confusion["annotationSpecs"]] == [
        "negative",
        "positive",
    ]
    rows = [row["row"] for row in confusion["rows"]]
    assert sum(map(sum, rows)) == 200, "every evaluation example is counted once"
    assert (rows[0][0] + rows[1][1]) / 200 == pytest.approx(results["metrics"]["accuracy"])
    roc = shown["classification"]["metadata"]["confidenceMetrics"]["list"]
    assert (roc[0]["recall"], roc[-1]["recall"]) == (0.0, 1.0)
    assert "<html" in launcher.folder("Visualization", "report").read_text()
    check_pushed(launcher)
    assert list(volume.rglob("*.index")), "another pod would go on from here"
    # A person sees addresses of the bucket, not of a pod that is gone.
    blessing = launcher.outputs["Evaluator"]["blessing"]["metadata"]
    assert blessing["current_model"] == launcher.outputs["Trainer"]["model"]["uri"]
    assert blessing["current_model_id"] == launcher.outputs["Trainer"]["model"]["name"]
    assert not list(pathlib.Path(launcher.stored("minio://mlpipeline")).rglob(".temp"))
