"""Failures, retries and the cache, as Kubeflow's launcher and driver have them."""

import os
import shutil

import pytest

from tests.pipeline import kubeflow_launcher, toy_tasks

SCHEMA = {"instanceSchema": "title: tfx.Examples\ntype: object\n"}
METRICS = {"schemaTitle": "system.Metrics", "schemaVersion": "0.0.1"}


def container(name, source):
    return {
        "command": kubeflow_launcher.COMMAND,
        "args": [
            "--function",
            f"{toy_tasks.__name__}.{name}",
            "--json_serialized_invocation_args",
            "{{$}}",
        ],
        "env": [{"name": "TOY_SOURCE", "value": str(source)}],
        "image": "toy",
    }


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_text("two words")
    return path


@pytest.fixture
def spec(source):
    given = '{"artifacts": {"data": {"artifactType": {"instanceSchema": "title: tfx.Examples"}}}}'
    use = container("use", source)
    use["args"] += ["--json_serialized_inputs_spec_args", given]
    return {
        "root": {
            "inputDefinitions": {"parameters": {}},
            "dag": {
                "tasks": {
                    "Make": {"cachingOptions": {}},
                    "Use": {
                        "cachingOptions": {"enableCache": True},
                        "dependentTasks": ["Make"],
                        "inputs": {
                            "artifacts": {
                                "data": {
                                    "taskOutputArtifact": {
                                        "producerTask": "Make",
                                        "outputArtifactKey": "data",
                                    }
                                }
                            }
                        },
                    },
                }
            },
        },
        "components": {
            "Make": {
                "executorLabel": "make",
                "outputDefinitions": {"artifacts": {"data": {"artifactType": SCHEMA}}},
            },
            "Use": {
                "executorLabel": "use",
                "outputDefinitions": {"artifacts": {"metrics": {"artifactType": METRICS}}},
            },
        },
        "deploymentSpec": {
            "executors": {
                "make": {"container": container("make", source)},
                "use": {"container": use},
            }
        },
    }


@pytest.fixture
def launcher(spec, tmp_path):
    return kubeflow_launcher.Launcher(spec, tmp_path / "store", {})


def task(launcher, name):
    launcher.run_task(name, launcher._spec["root"]["dag"]["tasks"][name])


def test_a_task_runs_in_an_empty_tree_as_a_user_without_a_home(launcher):
    launcher.run()
    metadata = launcher.outputs["Make"]["data"]["metadata"]
    assert metadata["words"] == {"list": ["two", "words"]}
    assert metadata["home"] == "/nonexistent"
    if kubeflow_launcher.as_another_user():
        assert metadata["user"] == 10001 != os.getuid()
    assert launcher.outputs["Use"]["metrics"]["metadata"]["letters"] == 9


def test_a_failed_task_leaves_nothing_and_its_retry_goes_well(launcher, source):
    source.write_text("")
    with pytest.raises(kubeflow_launcher.TaskFailedError) as raised:
        task(launcher, "Make")
    assert str(raised.value) == "Make: error: ValueError: the source is empty; fill it."
    assert "Make" not in launcher.outputs
    assert not launcher.stored("minio://mlpipeline").exists()
    source.write_text("two words")
    task(launcher, "Make")
    task(launcher, "Use")
    assert launcher.outputs["Use"]["metrics"]["metadata"]["letters"] == 9


def test_a_retry_meets_what_a_broken_upload_left_behind(launcher):
    left = launcher.stored("minio://mlpipeline/v2/artifacts/run1/Make/salt/data/of_an_earlier_try")
    left.parent.mkdir(parents=True)
    left.write_text("left")
    launcher.run()
    assert launcher.outputs["Use"]["metrics"]["metadata"]["letters"] == 9


def test_what_somebody_deleted_from_the_bucket_is_missed(launcher):
    task(launcher, "Make")
    (launcher.folder("Make", "data") / "first").unlink()
    with pytest.raises(
        kubeflow_launcher.TaskFailedError, match="LocalCopyError: The copy of input 'data'"
    ):
        task(launcher, "Use")
    shutil.rmtree(launcher.folder("Make", "data"))
    with pytest.raises(kubeflow_launcher.TaskFailedError, match="0 files with 0 bytes, where 2"):
        task(launcher, "Use")


def test_changed_data_at_the_same_path_are_never_from_the_cache(launcher, source):
    launcher.run()
    task(launcher, "Use")
    assert launcher.cached == ["Use"], "nothing has changed"
    source.write_text("three more words")
    launcher.outputs = {}
    launcher.run()
    assert launcher.cached == ["Use"], "a new artifact has a new name"
    assert launcher.outputs["Use"]["metrics"]["metadata"]["letters"] == 16


def test_a_secret_that_is_missing_is_named(spec, tmp_path):
    platform = {
        "platforms": {
            "kubernetes": {
                "deploymentSpec": {
                    "executors": {"make": {"secretAsEnv": [{"secretName": "s3", "keyToEnv": []}]}}
                }
            }
        }
    }
    launcher = kubeflow_launcher.Launcher(spec, tmp_path / "store", {}, platform=platform)
    with pytest.raises(kubeflow_launcher.TaskFailedError, match='Make: secret "s3" not found'):
        task(launcher, "Make")
