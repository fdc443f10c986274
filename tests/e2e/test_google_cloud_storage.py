"""The pipeline on `gs://` paths: TensorFlow's own client, Python's, and an independent server.

Both clients take the server for Google's (`buckets/`): certificate, names and account are a test's
own. On the way to it requests are counted, refused in bursts and broken off.
"""

import collections
import os

import pytest

from tests.e2e.buckets import cloud as cloud_lib
from tests.e2e.buckets.front import Faults
from tests.e2e.buckets.sample import ORCHESTRATION, SECOND_RUN

pytestmark = pytest.mark.e2e

TRAINING = (
    "training.train_steps=20",
    "training.warmup_steps=4",
    "training.steps_per_loop=5",
    "training.save_steps=10",
)
# A model of twenty updates is pushed as well.
SAMPLES = {
    "sample": ["evaluation.thresholds={accuracy: {minimum: 0.0}}"],
    "sample_question_answering": [
        "evaluation.thresholds={best_f1: {minimum: 0.0}}",
        "training.eval_steps_interval=20",
    ],
    "sample_pretraining": [
        "evaluation.thresholds={perplexity: {maximum: 1.0e9}}",
        "training.eval_steps_interval=20",
        "records.num_passes=1",
    ],
}


@pytest.fixture
def cloud(tmp_path):
    reason = cloud_lib.why_not()
    if reason is not None:
        pytest.skip(reason)
    with cloud_lib.started(tmp_path) as running:
        yield running


def test_files_in_a_bucket(cloud, project_root):
    path = str(project_root / "tests/e2e/buckets/inside.py")
    cloud.front.faults = Faults(every=120, kinds=(503, 429, "reset", "break"))
    done = cloud.run("pytest", "-q", "-p", "no:cacheprovider", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
    assert set(cloud.front.faults.done) == {503, 429, "reset", "break"}
    pieces = collections.Counter(
        request.object_name
        for request in cloud.front.requests
        if request.kind == "read" and "_in_pieces_" in request.object_name
    )
    # The largest file has two pieces, and is read from several places.
    assert max(pieces.values()) < 12


@pytest.mark.skipif(
    not os.environ.get("XLNET_BUCKETS"), reason="takes minutes for each; set XLNET_BUCKETS=1"
)
@pytest.mark.parametrize("preset", SAMPLES)
def test_a_sample_runs_whole_in_a_bucket(cloud, preset, tmp_path):
    # An answer that breaks off in its middle is no part of it: Beam's own client, with which TFX's
    # tasks read, takes half a list for a fault of the list.
    cloud.front.faults = Faults(every=60)
    done = cloud.run(
        *("tests.e2e.buckets.sample", preset, f"{cloud_lib.BUCKET}/run", "--again"),
        *("--metadata", str(tmp_path / "metadata.sqlite"), "--set", *TRAINING, *SAMPLES[preset]),
    )
    assert done.returncode == 0, done.stderr[-8000:]
    assert set(cloud.front.faults.done) == {503, 429, "reset"}

    names = cloud.names()
    assert [name for name in names if "/serving/" in name]
    temporary = [
        name
        for name in names
        if any(part in name for part in (".partial", "_temp/", "beam-temp", "/.temporary"))
        and not name.endswith("/")
    ]
    assert not temporary
    assert "run/training" in {"/".join(name.split("/")[:2]) for name in names}
    assert not [name for name in names if name.endswith("/lock")]

    again = {request.task for request in cloud.front.requests if SECOND_RUN in request.task}
    assert not again, "taken from the cache"
    opened = collections.Counter(
        (request.task, request.object_name)
        for request in cloud.front.requests
        if request.kind == "read" and request.task != ORCHESTRATION
    )
    assert opened
