"""Compiled pipelines in an installation as it comes, for tests that run them task by task.

Data and models lie on an S3 server, state on a volume, and there is no cloud.
"""

import json
from collections.abc import Mapping

import pytest

from components import files
from pipeline import compilation
from tests.pipeline import kubeflow_launcher
from tests.pipeline.conftest import deployed  # noqa: F401  (fixture)

SECRETS = {"mlpipeline-minio-artifact": {"accesskey": "minio", "secretkey": "minio123"}}


@pytest.fixture
def volume():
    with kubeflow_launcher.claim() as folder:
        yield folder


@pytest.fixture
def launch(deployed, tmp_path, volume, s3_endpoint):  # noqa: F811
    """Puts data into the bucket, compiles a preset, and runs all of its tasks."""

    def run(
        preset: str, data: Mapping[str, bytes], *overrides: str, **parameters: object
    ) -> kubeflow_launcher.Launcher:
        for name, content in data.items():
            files.write_bytes(f"s3://bucket/data/{name}", content)
        kubernetes = {
            "object_store": {"endpoint": s3_endpoint},
            "volumes": [{"claim": "state", "path": str(volume)}],
        }
        config = deployed(
            "deployment.pipeline_root=null",
            f"deployment.kubernetes={json.dumps(kubernetes)}",
            "run.output_root=minio://bucket/runs",
            f"run.state_root={volume}",
            *overrides,
            preset=preset,
        )
        spec = compilation.compile_pipeline(config, "kfp")
        launcher = kubeflow_launcher.Launcher(
            spec,
            tmp_path / "store",
            {"data_root": "minio://bucket/data", **parameters},
            platform=compilation.platform_of(spec, config),
            secrets=SECRETS,
        )
        launcher.run()
        assert set(launcher.outputs) == set(spec["root"]["dag"]["tasks"])
        return launcher

    return run


def output(launcher: kubeflow_launcher.Launcher, key: str) -> dict:
    """The one output of this key, of whichever task makes it."""
    (artifact,) = (outputs[key] for outputs in launcher.outputs.values() if key in outputs)
    return artifact


def results_of(launcher: kubeflow_launcher.Launcher) -> dict:
    folder = launcher.stored(output(launcher, "evaluation")["uri"])
    return json.loads((folder / "results.json").read_text())


def check_pushed(launcher: kubeflow_launcher.Launcher, name: str = "saved_model.pb") -> None:
    (path,) = files.expand(f"s3://bucket/runs/serving/*/{name}")
    pushed = output(launcher, "pushed_model")["metadata"]
    assert path == f"{pushed['pushed_destination']}/{name}"
    assert pushed["pushed"] == 1
