"""The trainer's files where paths begin with a scheme, as those in a bucket.

TensorFlow's filesystem for `gs://` has Google's addresses built in and cannot be sent to an
emulator. With `file://` everything goes the ways of a remote path through `tf.io.gfile` and Beam;
TensorFlow's `ram://` does not serve, since there writing does not replace a file's content.
"""

import numpy as np
import pytest
import tensorflow as tf

from components.checkpoint_conversion import checkpoint_path, named_checkpoint
from components.trainer import history, run_folder
from components.trainer.classification.fine_tuning import fine_tune

from .clock import Clock
from .gfile_file_system import FileScheme  # noqa: F401  (Beam finds it among the subclasses)
from .runs import points, with_training

STEPS = 8
HELD = {"configuration": {"seed": 0}, "records_sha256": "0"}


@pytest.fixture
def config(fine_tuning_config):
    return fine_tuning_config


@pytest.fixture
def bucket(tmp_path):
    root = tmp_path / "bucket"
    root.mkdir()
    return f"file://{root}"


def listing(root: str) -> set[str]:
    return {
        f"{folder.rstrip('/')}/{name}".removeprefix(f"{root}/")
        for folder, _, names in tf.io.gfile.walk(root)
        for name in names
    }


def run(config, sample_records, root):
    return fine_tune(
        config,
        records_dir=sample_records.directory,
        train_files=[sample_records.pattern("train")],
        eval_files=[sample_records.pattern("eval")],
        model_dir=f"{root}/model_run",
        state_root=f"{root}/training/",
    )


def test_a_run_in_a_bucket_is_interrupted_and_goes_on(
    bucket,
    config,
    sample_records,
    tmp_path,
    monkeypatch,
):
    config = with_training(
        config, train_steps=STEPS, steps_per_loop=2, save_steps=4, eval_steps_interval=STEPS
    )
    whole = run(config, sample_records, str(tmp_path / "local"))
    record = history.History.record_training

    def interrupt(self, progress):
        if progress.step > 4:
            raise KeyboardInterrupt
        record(self, progress)

    monkeypatch.setattr(history.History, "record_training", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(config, sample_records, bucket)
    monkeypatch.undo()
    (state,) = tf.io.gfile.listdir(f"{bucket}/training")
    state = f"{bucket}/training/{state.rstrip('/')}"
    assert "checkpoints/step-4.index" in listing(state)
    assert not tf.io.gfile.exists(f"{bucket}/model_run/xlnet"), "results before the end"
    assert "lock" not in listing(state), "the folder is let go"

    resumed = run(config, sample_records, bucket)

    for ours, theirs in zip(resumed.model.variables, whole.model.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=ours.name)
    here = {path for path in listing(str(tmp_path / "local")) if "events.out" not in path}
    there = {path for path in listing(bucket) if "events.out" not in path}
    # On a local disk a lock is the system's, and its file stays.
    assert there == {path for path in here if not path.endswith("/lock")}
    trained = [p["step"] for p in history.read(f"{bucket}/model_run/history") if "loss" in p]
    assert trained == [p["step"] for p in points(tmp_path / "local/model_run") if "loss" in p]
    weights = f"{bucket}/model_run/xlnet/{checkpoint_path.CHECKPOINT_NAME}"
    for name, variable in named_checkpoint.variables_by_name(whole.model.variables).items():
        np.testing.assert_array_equal(tf.train.load_variable(weights, name), variable.numpy())


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(run_folder, "time", made)
    return made


def test_a_folder_in_a_bucket_has_one_trainer_at_a_time(bucket, clock):
    with run_folder.opened(bucket, HELD) as lease:
        clock.meanwhile = lease.renew
        with (
            pytest.raises(run_folder.RunFolderError, match=r"in use by another trainer \(process"),
            run_folder.opened(bucket, HELD),
        ):
            pytest.fail("both hold it")
        lease.renew()
        assert listing(bucket) == {"lock", "run.json"}
    assert listing(bucket) == {"run.json"}
    with run_folder.opened(bucket, HELD):
        pass
    other = {**HELD, "configuration": {"seed": 1}}
    with (
        pytest.raises(run_folder.RunFolderError, match=r"seed: 0 there, 1 now"),
        run_folder.opened(bucket, other),
    ):
        pytest.fail("another run's folder")
    assert listing(bucket) == {"run.json"}, "refused, and let go"


@pytest.mark.parametrize("content", [b"\n\x7f0", b"me\nyesterday", b"\xff\xfe\n1", b"me\n1\n2"])
def test_a_lease_that_cannot_be_read_is_named(bucket, content):
    with tf.io.gfile.GFile(f"{bucket}/lock", "wb") as file:
        file.write(content)
    with (
        pytest.raises(run_folder.RunFolderError, match=r"/lock does not say who.*Remove it"),
        run_folder.opened(bucket, None),
    ):
        pytest.fail("taken")
    assert listing(bucket) == {"lock"}


@pytest.mark.parametrize(
    ("age", "seconds"),
    [(599, 600), (601, 0), (-599, 600), (-601, 600), (float("-inf"), 600)],
)
def test_a_lease_ends_ten_minutes_after_its_last_renewal(bucket, clock, age, seconds):
    with tf.io.gfile.GFile(f"{bucket}/lock", "w") as file:
        file.write(f"process 7 on a machine that is gone\n{clock.time() - age}")
    with run_folder.opened(bucket, None), tf.io.gfile.GFile(f"{bucket}/lock") as file:
        assert "a machine that is gone" not in file.read()
    assert clock.passed == pytest.approx(seconds)


@pytest.mark.parametrize("silence", [0, 585])
def test_a_lease_is_not_taken_from_one_that_was_silent_for_long(bucket, clock, silence):
    def renew():
        if clock.passed > silence:
            with tf.io.gfile.GFile(f"{bucket}/lock", "w") as file:
                file.write(f"process 7 on a slow machine\n{clock.time()}")

    clock.meanwhile = renew
    with tf.io.gfile.GFile(f"{bucket}/lock", "w") as file:
        file.write(f"process 7 on a slow machine\n{clock.time()}")
    with (
        pytest.raises(run_folder.RunFolderError, match=r"process 7 on a slow.*alive just now"),
        run_folder.opened(bucket, None),
    ):
        pytest.fail("taken from one that is alive")
    assert clock.passed == pytest.approx(silence + 15)
    assert listing(bucket) == {"lock"}
