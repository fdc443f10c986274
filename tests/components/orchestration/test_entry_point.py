import json
import pathlib
import subprocess
import sys

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.components.evaluator import executor as tfx_evaluator
from tfx.dsl.components.base import base_beam_executor
from tfx.orchestration.kubeflow.v2 import container as tfx_container

from components.orchestration import entry_point, tfx_task
from components.orchestration.executor_input import ExecutorInputError

HERE = __name__
# TFX's own examples of what Vertex AI sends and expects back.
TFX_EXAMPLES = pathlib.Path(tfx_container.__path__[0]) / "testdata"
SPEC = {
    "artifacts": {
        "model": {"artifactType": {"instanceSchema": "title: tfx.Model\ntype: object\n"}}
    },
    "parameters": {"steps": {"parameterType": "NUMBER_INTEGER"}},
}
seen = {}


class Executor(base_beam_executor.BaseBeamExecutor):
    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        seen.update(
            inputs=input_dict,
            properties=exec_properties,
            temporary=self._get_tmp_dir(),
        )
        (blessing,) = output_dict["blessing"]
        pathlib.Path(blessing.uri).mkdir(parents=True)
        pathlib.Path(blessing.uri, "BLESSED").write_bytes(b"")
        pathlib.Path(self._get_tmp_dir(), "temporary").mkdir()
        (model,) = input_dict["model"]
        blessing.set_string_custom_property("current_model", model.uri)
        blessing.set_int_custom_property("current_model_id", model.id)
        blessing.set_int_custom_property("blessed", 1)


class FailingExecutor(base_beam_executor.BaseBeamExecutor):
    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        raise ValueError("the records were made\nwith other settings; run the pipeline as a whole.")


def draw(inputs, outputs):
    pathlib.Path(outputs["report"]).write_text(pathlib.Path(inputs["model"], "file").read_text())
    return {"metrics": {"accuracy": 0.5, "undefined": None}}


def document(outputs, *, scheme="minio"):
    root = f"{scheme}://bucket/v2/run"
    return {
        "inputs": {
            "artifacts": {
                "model": {
                    "artifacts": [
                        {
                            "name": "7",
                            "type": {"instanceSchema": ""},
                            "uri": f"{root}/Trainer/1/model",
                            "metadata": {"content_files": 1, "content_bytes": 5},
                        }
                    ]
                }
            },
            "parameterValues": {"steps": 3, "destination": "minio://bucket/serving"},
        },
        "outputs": {
            "artifacts": {
                name: {"artifacts": [{"name": name, "type": kind, "uri": f"{root}/Task/2/{name}"}]}
                for name, kind in outputs.items()
            },
            "outputFile": f"/{scheme}/bucket/v2/run/Task/2/output_metadata.json",
        },
    }


@pytest.fixture
def pod(tmp_path):
    folder = tmp_path / "minio/bucket/v2/run"
    (folder / "Trainer/1/model").mkdir(parents=True)
    (folder / "Trainer/1/model/file").write_text("model")
    (folder / "Task/2").mkdir(parents=True)
    return tmp_path


def start(pod, given, *arguments):
    return entry_point.main(
        [
            f"--local_root={pod}",
            "--json_serialized_invocation_args",
            json.dumps(given),
            "--json_serialized_inputs_spec_args",
            json.dumps(SPEC),
            *arguments,
        ]
    )


BLESSING = {"blessing": {"instanceSchema": "title: tfx.ModelBlessing\ntype: object\n"}}


def test_an_executor_works_on_copies_and_the_backend_gets_addresses(pod):
    given = document(BLESSING)
    assert not start(
        pod, given, "--executor_class_path", f"{HERE}.Executor", "--runner=FnApiRunner"
    )
    (model,) = seen["inputs"]["model"]
    assert model.type_name == "Model"
    assert model.uri == str(pod / "minio/bucket/v2/run/Trainer/1/model")
    # MinIO is an S3 service, of which Beam knows the one scheme.
    assert seen["properties"] == {"steps": 3, "destination": "s3://bucket/serving"}
    assert isinstance(seen["properties"]["steps"], int)
    # Of this attempt, "2", and beside its outputs.
    assert pathlib.Path(seen["temporary"]) == pod / "minio/bucket/v2/run/Task/2/.temp/2"
    folder = pod / "minio/bucket/v2/run/Task/2"
    assert {path.name for path in folder.iterdir()} == {"blessing", "output_metadata.json"}
    text = (folder / "output_metadata.json").read_text()
    json_format.Parse(text, pipeline_spec_pb2.ExecutorOutput())  # no unknown fields
    (blessing,) = json.loads(text)["artifacts"]["blessing"]["artifacts"]
    assert blessing["uri"] == "minio://bucket/v2/run/Task/2/blessing"
    assert blessing["name"] == "blessing"
    metadata = blessing["metadata"]
    assert metadata.pop("tfx_version")
    assert metadata == {
        "current_model": "minio://bucket/v2/run/Trainer/1/model",
        "current_model_id": "7",
        "blessed": 1.0,
        "content_files": 1.0,
        "content_bytes": 0.0,
    }


def test_a_function_gets_folders_and_what_is_drawn_has_nothing_else_in_it(pod):
    given = document(
        {"report": {"schemaTitle": "system.HTML"}, "metrics": {"schemaTitle": "system.Metrics"}}
    )
    assert not start(pod, given, "--function", f"{HERE}.draw")
    folder = pod / "minio/bucket/v2/run/Task/2"
    assert (folder / "report").read_text() == "model"
    written = json.loads((folder / "output_metadata.json").read_text())["artifacts"]
    # Kubeflow's launcher fails on null.
    assert written["metrics"]["artifacts"][0]["metadata"] == {"accuracy": 0.5}
    assert written["report"]["artifacts"][0]["metadata"] == {}


def test_the_log_ends_with_what_went_wrong(pod, capsys):
    given = document(BLESSING)
    assert start(pod, given, "--executor_class_path", f"{HERE}.FailingExecutor") == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: ValueError: the records were made with other settings; run the pipeline as a whole."
    )
    assert not (pod / "minio/bucket/v2/run/Task/2/output_metadata.json").exists()


def test_an_incomplete_copy_is_found_before_anything_is_imported(pod, capsys):
    (pod / "minio/bucket/v2/run/Trainer/1/model/file").write_text("mod")
    assert start(pod, document(BLESSING), "--executor_class_path", "no.such.Class") == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: LocalCopyError: The copy of input 'model' (minio://bucket")
    assert "3 bytes, where 1 with 5" in last


@pytest.mark.parametrize("scheme", ["minio", "s3"])
def test_workers_elsewhere_cannot_open_copies(pod, capsys, scheme):
    given = document(BLESSING, scheme=scheme)
    runner = "--runner=PortableRunner"
    assert start(pod, given, "--executor_class_path", f"{HERE}.Executor", runner) == 1
    assert "cannot open on Beam's workers. Set deployment.pipeline_root" in capsys.readouterr().err


def test_a_job_elsewhere_has_the_name_of_its_task(pod, monkeypatch):
    given, sent = document(BLESSING, scheme="gs"), []
    monkeypatch.setattr(entry_point.files, "remove", lambda path: None)
    monkeypatch.setattr(
        tfx_task, "run", lambda *_, beam_arguments, **__: sent.append(beam_arguments) or {}
    )
    executor = ("--executor_class_path", f"{HERE}.Executor")
    for runner in ("PortableRunner", "PortableRunner", "FnApiRunner"):
        start(pod, given, *executor, f"--runner={runner}")
    start(pod, document(BLESSING), *executor, "--runner=FnApiRunner")
    assert sent[0] == sent[1]
    assert sent[0][0] == "--runner=PortableRunner"
    assert sent[0][1].startswith("--job_name=xlnet-components-orchestration-")
    assert sent[2] == ["--runner=FnApiRunner"]


def test_what_workers_elsewhere_need_lies_in_the_bucket():
    task = entry_point.executor_input.parse(
        json.dumps(document(BLESSING, scheme="gs")), SPEC, use_copies=False
    )
    assert entry_point._task_folder(task) == "gs://bucket/v2/run/Task/2"


class Evaluator(tfx_evaluator.Executor):
    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        seen.update(inputs=input_dict, properties=exec_properties)
        (output,) = output_dict["output"]
        output.set_string_custom_property("my_property", "my_value")
        (blessing,) = output_dict["blessing"]
        blessing.set_int_custom_property("blessed", 1)
        for name, key in (("baseline_model_id", "input_1"), ("current_model_id", "input_2")):
            blessing.set_int_custom_property(name, input_dict[key][0].id)


def test_vertex_is_understood_as_tfx_does(tmp_path):
    """By TFX's examples, with the files here."""
    text = (TFX_EXAMPLES / "executor_invocation_legacy.json").read_text()
    given = json.loads(text.replace("gs://root", str(tmp_path)))
    output_file = tmp_path / "file" / "executor_output.json"
    output_file.parent.mkdir()
    given["outputs"]["outputFile"] = str(output_file)
    # What a driver found out.
    output_file.write_text(json.dumps({"parameters": {"key_1": {"stringValue": "driver's"}}}))
    arguments = [
        "--executor_class_path",
        f"{HERE}.Evaluator",
        "--json_serialized_invocation_args",
        json.dumps(given),
    ]
    assert not entry_point.main(arguments)
    assert seen["properties"] == {"key_1": "driver's", "key_2": 536870911}
    (first,) = seen["inputs"]["input_1"]
    assert first.get_int_custom_property("custom_property_2") == 42
    expected = json.loads(
        (TFX_EXAMPLES / "expected_output_metadata.json")
        .read_text()
        .replace("gs://root", str(tmp_path))
    )
    written = json.loads(output_file.read_text())
    for found in (expected, written):
        for value in found["artifacts"].values():
            del value["artifacts"][0]["metadata"]["tfx_version"]
    assert written == expected


def test_an_input_that_lacks_what_was_promised_is_an_error(pod):
    given = document(BLESSING)
    del given["inputs"]["artifacts"]
    with pytest.raises(ExecutorInputError, match="lacks artifact 'model'"):
        entry_point.run(
            [
                "--function",
                f"{HERE}.draw",
                "--json_serialized_invocation_args",
                json.dumps(given),
                "--json_serialized_inputs_spec_args",
                json.dumps(SPEC),
            ]
        )


def test_a_process_draws_without_the_clients_of_a_cluster():
    code = """
import sys
from components.orchestration import entry_point

def main():
    from kfp import dsl
    dsl.ClassificationMetrics()
    return int("kfp.client" in sys.modules or "kubernetes" in sys.modules)

entry_point.main = main
entry_point.run_and_exit()
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
