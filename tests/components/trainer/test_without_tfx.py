"""What runs on a TPU is imported where there is no TFX: in the image `trainer-tpu`."""

import re
import subprocess
import sys

BLOCKED = (
    "tfx",
    "tfx_bsl",
    "ml_metadata",
    "kfp",
    "tensorflow_transform",
    "tensorflow_data_validation",
    "tensorflow_model_analysis",
    "tensorflow_text",
    "sentencepiece",
    "keras_tuner",
)
PROGRAM = f"""
import sys
for name in {BLOCKED}:
    sys.modules[name] = None  # importing it is an ImportError now
import components.trainer.__main__
import components.trainer.classification.fine_tuning
import components.trainer.question_answering.fine_tuning
import components.trainer.pretraining.pretrain
"""


def test_the_trainers_library_needs_no_tfx():
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=300
    )
    assert process.returncode == 0, process.stderr


def test_the_lock_of_the_tpu_image_holds_none_of_it(project_root):
    lock = (project_root / "docker/locks/trainer-tpu.lock").read_text()
    names = set(re.findall(r"^([a-z0-9_.-]+)==", lock, re.MULTILINE))
    assert {"tensorflow-tpu", "tf-keras", "apache-beam"} <= names
    assert not names & {name.replace("_", "-") for name in BLOCKED}
