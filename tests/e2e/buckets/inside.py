"""Tests that run where Google's names lead to a cloud of their own; see `cloud.Cloud.run`."""

import json

import pytest
import tensorflow as tf
import yaml

from components import files, tfrecords
from components.files import stores
from components.trainer import history, run_folder
from pipeline import deployment_checks
from tests.components.test_standalone import run
from tests.components.trainer.clock import Clock
from tests.e2e.buckets.front import READ_ONLY_BUCKET
from tests.pipeline.conftest import deployed  # noqa: F401  (fixture)

BUCKET = "gs://bucket"


@pytest.fixture
def folder(request):
    """A folder of this test's own, in which TensorFlow has left its empty object."""
    path = f"{BUCKET}/{request.node.name}"
    tf.io.gfile.makedirs(f"{path}/in")
    assert tf.io.gfile.exists(f"{path}/in/")
    return path


def below(path: str) -> set[str]:
    """All objects below a folder as TensorFlow sees them, markers too."""
    return {
        f"{parent.rstrip('/')}/{name}".removeprefix(f"{path}/")
        for parent, _, names in tf.io.gfile.walk(path)
        for name in names
    }


def test_a_folder_that_is_an_object_is_no_file(folder):
    files.write_bytes(f"{folder}/in/x", b"x")
    assert files.in_folder(f"{folder}/in") == [f"{folder}/in/x"]
    assert files.expand(f"{folder}/**") == [f"{folder}/in/x"]
    assert files.names(folder) == {"in"}
    assert files.names(f"{folder}/in") == {"x"}
    assert not files.exists(f"{folder}/in")
    with pytest.raises(files.NoSuchFilesError, match="none"):
        files.in_folder(f"{folder}/none")


def test_what_a_writer_gives_up_is_never_seen_and_tensorflow_reads_the_rest(folder):
    path = f"{folder}/x"
    files.write_bytes(path, b"old")

    def write_and_fail():
        with files.open_atomically(path) as file:
            file.write(b"new")
            raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"):
        write_and_fail()
    assert tf.io.gfile.GFile(path).read() == "old"
    assert below(folder) == {"x"}


@pytest.mark.parametrize("name", ["v[12]", "v*", "v?", "a b+c%2F"])
def test_a_folder_is_a_name_and_goes_with_all_in_it(folder, name):
    for sibling in ("v1", "v12", f"{name}2"):
        files.write_bytes(f"{folder}/{sibling}/x", b"x")
    mine = f"{folder}/{name}"
    with tf.io.gfile.GFile(f"{mine}/x", "w") as file:
        file.write("mine")
    tf.io.gfile.makedirs(f"{mine}/deep")
    assert files.in_folder(mine) == [f"{mine}/x"]
    assert files.read_bytes(f"{mine}/x") == b"mine"
    assert files.copy_tree(mine, f"{folder}/copy") == 1
    assert files.read_bytes(f"{folder}/copy/x") == b"mine"
    files.remove(mine)
    # TensorFlow would remember for five seconds that the folder's object was there.
    assert not stores.of(mine).is_folder(mine)
    assert below(folder) == {"v1/x", "v12/x", f"{name}2/x", "copy/x"}


@pytest.mark.parametrize("size", [0, 1, (16 << 20) - 1, 16 << 20, (16 << 20) + 1])
def test_a_file_is_read_in_pieces_and_from_anywhere(folder, size):
    path = f"{folder}/x"
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    files.write_bytes(path, content)
    with files.open_to_read(path) as file:
        assert file.read() == content
        assert file.read(1) == b""
    with files.open_to_read(path) as file:
        file.seek(-min(3, size), 2)
        assert file.read() == content[-3:]
        file.seek(0)
        assert file.read(20) == content[:20]
    assert files.read_bytes(path, max_bytes=size) == content
    if size:
        with pytest.raises(ValueError, match="is larger than"):
            files.read_bytes(path, max_bytes=size - 1)


def test_a_bucket_that_may_only_be_read_is_named_with_the_role_that_is_missing(
    deployed,  # noqa: F811
):
    path = f"gs://{READ_ONLY_BUCKET}/root"
    with pytest.raises(OSError, match=rf"{path}/x cannot be written: Forbidden.*objectAdmin"):
        files.write_bytes(f"{path}/x", b"x")
    data = "data.root=package:sample_data/classification"
    deployment_checks.check_access(deployed(data, f"deployment.pipeline_root={BUCKET}/root"))
    for bucket in (READ_ONLY_BUCKET, "none"):
        root = f"gs://{bucket}/root"
        with pytest.raises(
            deployment_checks.DeploymentError, match=rf"pipeline_root \({root}\) cannot be written"
        ):
            deployment_checks.check_access(deployed(data, f"deployment.pipeline_root={root}"))
    with (
        pytest.raises(run_folder.RunFolderError, match=rf"{path} cannot be written"),
        run_folder.opened(path, None),
    ):
        pytest.fail("opened")


def test_a_command_that_may_not_write_says_so_in_a_line(capsys, project_root):
    data = project_root / "pipeline/sample_data/question_answering"
    files.write_bytes(f"{BUCKET}/squad.yaml", b"patterns: {train: train.json, eval: dev.json}")
    assert run(
        *("components.example_gen", "squad", "--config", f"{BUCKET}/squad.yaml"),
        *("--data-root", str(data), "--examples", f"gs://{READ_ONLY_BUCKET}/examples"),
    )
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert f"gs://{READ_ONLY_BUCKET}/examples" in error
    assert "roles/storage.objectAdmin" in error


def test_a_lease_a_history_and_an_identity_are_objects(folder, monkeypatch):
    held = {"configuration": {"seed": 0}, "records_sha256": "0"}
    clock = Clock()
    monkeypatch.setattr(run_folder, "time", clock)
    with run_folder.opened(f"{folder}/run", held) as lease:
        clock.meanwhile = lease.renew
        with (
            pytest.raises(run_folder.RunFolderError, match=r"in use by another trainer"),
            run_folder.opened(f"{folder}/run", held),
        ):
            pytest.fail("both hold it")
        lease.renew()
        points = history.History(f"{folder}/run/history")
        points.record_evaluation(2, {"accuracy": 0.5})
        points.record_evaluation(2, {"accuracy": 0.75})
    assert files.names(f"{folder}/run") == {"run.json", "history"}
    (point,) = history.read(f"{folder}/run/history")
    assert point["accuracy"] == 0.75
    clock.meanwhile = lambda: None
    for age in (601, 0):
        left = f"process 7 on a machine that is gone\n{clock.time() - age}"
        files.write_bytes(f"{folder}/run/lock", left.encode())
        with run_folder.opened(f"{folder}/run", held):
            pass


def make_records(root: str, data: str, settings: dict[str, str]) -> None:
    """SQuAD files to records under `root`, by the components' own commands."""
    for name, content in settings.items():
        files.write_bytes(f"{root}/{name}", content.encode())
    assert not run(
        *("components.example_gen", "squad", "--config", f"{root}/squad.yaml"),
        *("--data-root", data, "--examples", f"{root}/examples"),
    )
    assert not run(
        *("components.tokenization", "--examples", f"{root}/examples", "--vocabulary-size", 300),
        *("--text-features", "context", "question", "--model", f"{root}/vocabulary"),
    )
    assert not run(
        *("components.preprocessing.question_answering", "--config", f"{root}/windows.yaml"),
        *("--examples", f"{root}/examples", "--sentencepiece-model", f"{root}/vocabulary"),
        *("--num-shards", 1, "--records", f"{root}/records"),
    )


def test_records_in_a_bucket_are_those_on_disk(folder, tmp_path, project_root):
    local = project_root / "pipeline/sample_data/question_answering"
    for name in ("train.json", "dev.json"):
        files.write_bytes(f"{folder}/data/{name}", (local / name).read_bytes())
    settings = {
        "squad.yaml": yaml.safe_dump({"patterns": {"train": "train.json", "eval": "dev.json"}}),
        "windows.yaml": json.dumps(
            {"max_seq_length": 88, "doc_stride": 44, "max_query_length": 20}
        ),
    }
    make_records(f"{folder}/run", f"{folder}/data", settings)
    make_records(str(tmp_path), str(local), settings)
    found = [path.removeprefix(f"{folder}/run/") for path in files.expand(f"{folder}/run/**")]
    records = [path for path in found if path.startswith("records/Split-")]
    assert records
    for path in records:
        there = list(tfrecords.read_records(f"{folder}/run/{path}"))
        assert there == list(tfrecords.read_records(str(tmp_path / path)))
        assert there
    assert not [path for path in found if path.endswith(".partial")]
