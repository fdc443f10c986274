"""Components on gs:// paths, against an emulator of Google Cloud Storage on loopback.

TensorFlow's own file system has Google's addresses built in and cannot be sent elsewhere: what a
component reads and writes through TensorFlow (the Transform graph, training) is not tested here.
"""

import json

import pytest
import yaml
from apache_beam.io.filesystems import FileSystems
from gcp_storage_emulator.server import create_server

from components import files, tfrecords
from pipeline import deployment_checks
from tests.components.test_standalone import run
from tests.pipeline.conftest import deployed  # noqa: F401  (fixture)

pytestmark = pytest.mark.e2e

BUCKET = "gs://bucket"


@pytest.fixture
def bucket(monkeypatch):
    """A bucket whose content nobody else sees."""
    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="bucket")
    server.start()
    port = server._api._httpd.server_port
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    # Without this every client asks for the metadata server of a machine in the cloud.
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    yield BUCKET
    server.stop()


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


def test_records_in_a_bucket_are_those_on_disk(bucket, tmp_path, project_root):
    local = project_root / "pipeline/sample_data/question_answering"
    for name in ("train.json", "dev.json"):
        files.write_bytes(f"{bucket}/data/{name}", (local / name).read_bytes())
    settings = {
        "squad.yaml": yaml.safe_dump({"patterns": {"train": "train.json", "eval": "dev.json"}}),
        "windows.yaml": json.dumps(
            {"max_seq_length": 88, "doc_stride": 44, "max_query_length": 20}
        ),
    }
    make_records(f"{bucket}/run", f"{bucket}/data", settings)
    make_records(str(tmp_path), str(local), settings)
    found = sorted(
        metadata.path.removeprefix(f"{bucket}/run/")
        for metadata in FileSystems.match([f"{bucket}/run/records/**"])[0].metadata_list
    )
    records = [path for path in found if "Split-" in path]
    assert records
    for path in records:
        there = list(tfrecords.read_records(f"{bucket}/run/{path}"))
        assert there == list(tfrecords.read_records(str(tmp_path / path)))
        assert there
    assert not [path for path in found if path.endswith(".partial")]


def test_a_bucket_that_is_not_there_is_named(bucket, deployed, project_root):  # noqa: F811
    data = "data.root=package:sample_data/classification"
    deployment_checks.check_access(deployed(data, f"deployment.pipeline_root={bucket}/root"))
    with pytest.raises(
        deployment_checks.DeploymentError, match=r"pipeline_root \(gs://none/root\) cannot"
    ):
        deployment_checks.check_access(deployed(data, "deployment.pipeline_root=gs://none/root"))
