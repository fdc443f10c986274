"""Beam's S3 file system and the Pusher against an S3 server that others wrote."""

import json

import boto3
import pytest
from tfx.types import standard_artifacts, standard_component_specs

from components import files
from components.pusher import object_store


@pytest.fixture
def push(tmp_path):
    def make(destination, *, blessed=1):
        model = standard_artifacts.Model()
        model.uri = str(tmp_path / "model")
        folder = tmp_path / "model/Format-Serving"
        (folder / "variables").mkdir(parents=True)
        (folder / "saved_model.pb").write_bytes(b"graph")
        (folder / "variables/variables.index").write_bytes(b"index")
        blessing = standard_artifacts.ModelBlessing()
        blessing.uri = str(tmp_path / "blessing")
        blessing.set_int_custom_property("blessed", blessed)
        pushed = standard_artifacts.PushedModel()
        pushed.uri = str(tmp_path / "pushed")
        context = object_store.Executor.Context(tmp_dir=str(tmp_path / "tmp"), unique_id="1")
        object_store.Executor(context).Do(
            {"model": [model], "model_blessing": [blessing]},
            {standard_component_specs.PUSHED_MODEL_KEY: [pushed]},
            {
                standard_component_specs.PUSH_DESTINATION_KEY: json.dumps(
                    {"filesystem": {"base_directory": destination}}
                )
            },
        )
        return pushed

    return make


def keys():
    listed = boto3.client("s3").list_objects_v2(Bucket="bucket").get("Contents", ())
    return [entry["Key"] for entry in sorted(listed, key=lambda entry: entry["LastModified"])]


def test_a_model_is_pushed_to_s3_what_completes_it_last(s3_endpoint, push, tmp_path, monkeypatch):
    written = []
    write = files.open_atomically
    monkeypatch.setattr(files, "open_atomically", lambda path: written.append(path) or write(path))
    pushed = push("s3://bucket/serving")
    version = pushed.get_string_custom_property("pushed_version")
    target = f"s3://bucket/serving/{version}"
    assert pushed.get_string_custom_property("pushed_destination") == target
    assert written == [f"{target}/variables/variables.index", f"{target}/saved_model.pb"]
    assert set(keys()) == {path.removeprefix("s3://bucket/") for path in written}
    assert files.read_bytes(f"{target}/saved_model.pb") == b"graph"
    assert not list((tmp_path / "tmp").rglob("saved_model.pb"))


def test_a_model_that_is_not_blessed_stays_where_it_is(s3_endpoint, push):
    pushed = push("s3://bucket/serving", blessed=0)
    assert pushed.get_int_custom_property("pushed") == 0
    assert keys() == []


def test_data_are_read_and_written_on_s3(s3_endpoint):
    files.write_bytes("s3://bucket/data/train.tsv", b"1\ttext\n")
    assert files.expand("s3://bucket/data/*.tsv") == ["s3://bucket/data/train.tsv"]
    assert files.read_bytes("s3://bucket/data/train.tsv") == b"1\ttext\n"
    assert keys() == ["data/train.tsv"], "nothing temporary stays"


def test_a_bucket_that_is_not_there_is_an_error(s3_endpoint, push):
    with pytest.raises(Exception, match="NoSuchBucket"):
        push("s3://other/serving")
