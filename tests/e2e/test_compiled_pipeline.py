"""The compiled sample, run task by task as Kubeflow's driver and launcher would."""

import json
import os
import pathlib

import pytest

from components import files
from pipeline import compilation
from tests.pipeline import kubeflow_launcher
from tests.pipeline.conftest import deployed  # noqa: F401  (fixture)

pytestmark = [
    pytest.mark.e2e,
    # Seen to the Trainer, whose first checkpoint fails under the other user (docs/operators.md).
    pytest.mark.skipif(
        not os.environ.get("XLNET_LAUNCHER"), reason="set XLNET_LAUNCHER=1 to run it: fails today"
    ),
]


SECRETS = {"mlpipeline-minio-artifact": {"accesskey": "minio", "secretkey": "minio123"}}


@pytest.fixture
def launched(deployed, tmp_path, project_root, s3_endpoint):  # noqa: F811
    """An installation as it comes: data and models on MinIO, state on a volume, no cloud."""
    volume = tmp_path / "volume"
    volume.mkdir()
    volume.chmod(0o777)
    for path in (project_root / "pipeline/sample_data/classification").iterdir():
        files.write_bytes(f"s3://bucket/reviews/{path.name}", path.read_bytes())
    kubernetes = {
        "object_store": {"endpoint": s3_endpoint},
        "volumes": [{"claim": "state", "path": str(volume)}],
    }
    config = deployed(
        "deployment.pipeline_root=null",
        f"deployment.kubernetes={json.dumps(kubernetes)}",
        "run.output_root=minio://bucket/runs",
        f"run.state_root={volume}",
        "training.save_steps=10",
    )
    spec = compilation.compile_pipeline(config, "kfp")
    # Every parameter differs from what was compiled in.
    launcher = kubeflow_launcher.Launcher(
        spec,
        tmp_path / "store",
        {
            "data_root": "minio://bucket/reviews",
            "train_steps": 41,
            "batch_size": 8,
            "learning_rate": 0.25e-3,
            "thresholds": json.dumps({"accuracy": {"minimum": 0.01}}),
        },
        platform=compilation.platform_of(spec, config),
        secrets=SECRETS,
    )
    launcher.run()
    return launcher, volume


def test_the_compiled_commands_make_a_pushed_model_with_the_values_given_at_the_start(launched):
    launcher, volume = launched
    history = launcher.folder("Trainer", "model_run") / "history"
    rows = [json.loads(line) for line in next(history.glob("*.jsonl")).read_text().splitlines()]
    training = [row for row in rows if "learning_rate" in row]
    assert training[-1]["step"] == 41
    # The preset's peak is 2e-3, reached after 40 updates; one more decays it by 1 / (41 - 40).
    assert max(row["learning_rate"] for row in training) == pytest.approx(0.25e-3, rel=0.1)
    results = json.loads((launcher.folder("Evaluator", "evaluation") / "results.json").read_text())
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
    (graph,) = files.expand("s3://bucket/runs/serving/*/saved_model.pb")
    pushed = launcher.outputs["Pusher"]["pushed_model"]["metadata"]
    assert graph == f"{pushed['pushed_destination']}/saved_model.pb"
    assert list(volume.rglob("*.index")), "another pod would go on from here"
    assert launcher.outputs["Pusher"]["pushed_model"]["metadata"]["pushed"] == 1
    # A person sees addresses of the bucket, not of a pod that is gone.
    blessing = launcher.outputs["Evaluator"]["blessing"]["metadata"]
    assert blessing["current_model"] == launcher.outputs["Trainer"]["model"]["uri"]
    assert blessing["current_model_id"] == launcher.outputs["Trainer"]["model"]["name"]
    assert not list(pathlib.Path(launcher.stored("minio://mlpipeline")).rglob(".temp"))
