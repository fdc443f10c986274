"""The compiled sample under the local runner of Kubeflow's own SDK, a container for each task.

It takes an image of the target `pipeline`, named with its digest in XLNET_LOCAL_IMAGE, and the
socket of Docker or podman that has it (DOCKER_HOST). The containers share the folder of the
volume, and have the rights that a cluster gives them: no root, no network, a root that cannot be
written.
"""

import json
import os
import shutil

import pytest
import yaml

from components.serving import pushed_model
from pipeline import compilation, preset_loader

IMAGE = os.environ.get("XLNET_LOCAL_IMAGE")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not IMAGE, reason="XLNET_LOCAL_IMAGE names no image"),
]


def test_the_sample_is_blessed_and_pushed(tmp_path, project_root):
    local = pytest.importorskip("kfp.local")
    pytest.importorskip("kfp.local.pipeline_orchestrator", reason="this kfp runs single tasks only")
    from kfp.components import load_component_from_text

    volume = tmp_path / "volume"
    volume.mkdir()
    shutil.copytree(project_root / "pipeline/sample_data/classification", volume / "data")
    # The SDK makes its own folders as the user who runs it, and so may the containers below them.
    before = os.umask(0)
    volume.chmod(0o777)
    try:
        configuration = tmp_path / "sample.yaml"
        configuration.write_text(
            yaml.safe_dump(
                {
                    "extends": ["sample"],
                    "data": {"root": str(volume / "data")},
                    "run": {"output_root": str(volume / "out")},
                    "deployment": {
                        "image": IMAGE,
                        "kubernetes": {"volumes": [{"claim": "data", "path": str(volume)}]},
                    },
                }
            )
        )
        spec = compilation.compile_pipeline(preset_loader.load(str(configuration)), "kfp")
        local.init(
            runner=local.DockerRunner(
                user="10001",
                network_mode="none",
                read_only=True,
                tmpfs={"/tmp": "rw,mode=1777", "/home/xlnet": "rw,mode=0777"},
            ),
            pipeline_root=str(volume),
        )
        load_component_from_text(yaml.safe_dump(spec))()
    finally:
        os.umask(before)
    (results,) = volume.glob("sample-*/*/evaluation/results.json")
    assert json.loads(results.read_text())["metrics"]["accuracy"] == pytest.approx(0.88)
    assert len(pushed_model.versions(str(volume / "out/serving"))) == 1
