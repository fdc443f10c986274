"""A deployment of the bundled samples."""

import copy

import pytest
import yaml

from pipeline import preset_loader

IMAGE = "registry.example/xlnet-pipeline@sha256:" + "a" * 64
TRAINER_IMAGE = "registry.example/xlnet-trainer-gpu@sha256:" + "b" * 64
DEPLOYMENT = {
    "pipeline_root": "gs://bucket/root",
    "image": IMAGE,
    "images": {"Trainer": TRAINER_IMAGE},
    "project": "project",
    "region": "us-central1",
    "service_account": "runner@project.iam.gserviceaccount.com",
    "resources": {
        "default": {"cpu": 4, "memory_gb": 16},
        "Trainer": {
            "cpu": 8,
            "memory_gb": 52,
            "accelerator": "nvidia.com/gpu",
            "accelerator_count": 1,
        },
    },
    "uncached": ["Trainer"],
    "labels": {"team": "nlp"},
}


@pytest.fixture
def deployed(tmp_path):
    """From changes to the configuration of a deployed sample, or of a preset in another file."""

    def make(*overrides: str, preset: str = "sample", target: str = "kfp"):
        path = tmp_path / "deployed.yaml"
        document = {
            "extends": [preset],
            "data": {"root": "gs://bucket/data"},
            "run": {"output_root": "gs://bucket/runs"},
            "deployment": copy.deepcopy(DEPLOYMENT),
        }
        if target == "vertex":
            document["deployment"]["resources"]["Trainer"]["accelerator"] = "NVIDIA_TESLA_T4"
        path.write_text(yaml.safe_dump(document))
        return preset_loader.load(str(path), overrides)

    return make
