"""What Kubeflow's own driver sent to the tasks of the samples, and our stand-in for it."""

import collections
import json
import pathlib

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as tfx_utils

from components.orchestration import entry_point, executor_input
from pipeline import compilation
from tests.pipeline import kubeflow_launcher

pytestmark = pytest.mark.recorded

SAMPLES = {
    "classification": "sample",
    "pretraining": "sample_pretraining",
    "question_answering": "sample_question_answering",
}


@pytest.fixture(params=sorted(SAMPLES))
def recorded(request, kubeflow_root):
    folder = kubeflow_root / "recorded"
    documents = {
        path.name.partition(".")[0]: json.loads(path.read_text())
        for path in sorted((folder / request.param).glob("*.executor_input.json"))
    }
    if pusher := documents.get("Pusher"):
        # It had no evaluation when these were recorded, but question answering's had.
        path = folder / "question_answering/QuestionAnsweringPusher.executor_input.json"
        with_evaluation = json.loads(path.read_text())["inputs"]["artifacts"]
        pusher["inputs"]["artifacts"].setdefault("evaluation", with_evaluation["evaluation"])
    return request.param, documents


@pytest.fixture
def spec(recorded, deployed):
    kind, _ = recorded
    return compilation.compile_pipeline(deployed(preset=SAMPLES[kind]), "kfp")


def options_of(spec, task):
    executors = spec["deploymentSpec"]["executors"]
    container = executors[spec["components"][task]["executorLabel"]]["container"]
    assert container["command"] == ["python", "-m", entry_point.__name__]
    options, _ = entry_point.make_parser().parse_known_args(container["args"])
    return options


def put_copies(document, root: pathlib.Path):
    for value in document["inputs"].get("artifacts", {}).values():
        (artifact,) = value["artifacts"]
        folder = root / artifact["uri"].replace("minio://", "minio/")
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"1")


def test_every_recorded_input_becomes_artifacts_of_the_compiled_types(recorded, spec, tmp_path):
    _, documents = recorded
    assert documents
    for task, document in documents.items():
        root = tmp_path / task
        put_copies(document, root)
        parsed = executor_input.parse(
            json.dumps(document),
            json.loads(options_of(spec, task).json_serialized_inputs_spec_args),
            root=str(root),
        )
        given = json_format.ParseDict(parsed.document, pipeline_spec_pb2.ExecutorInput())
        if task == "Visualization":
            continue
        artifacts = tfx_utils.parse_raw_artifact_dict(given.inputs.artifacts, {})
        definitions = spec["components"][task].get("inputDefinitions", {}).get("artifacts", {})
        assert set(artifacts) == set(definitions)
        for key, (artifact,) in artifacts.items():
            schema = definitions[key]["artifactType"]["instanceSchema"]
            name = artifact.type_name.rpartition(".")[-1]
            assert name in schema.splitlines()[0]
            assert pathlib.Path(artifact.uri, "file").read_bytes() == b"1"
            assert not {"display_name", "store_session_info"} & set(
                artifact.mlmd_artifact.custom_properties
            )
            if key == "anomalies":
                assert artifact.get_json_value_custom_property("blessed") == {"eval": 1, "train": 1}
            if name == "Examples":
                assert "train" in artifact.split_names


def test_the_launcher_in_the_tests_sends_what_was_recorded(recorded, spec, tmp_path):
    _, documents = recorded
    for task, document in documents.items():
        launcher = kubeflow_launcher.Launcher(spec, tmp_path, {})
        definition = spec["root"]["dag"]["tasks"][task]
        launcher.outputs = collections.defaultdict(dict)
        for key, source in definition.get("inputs", {}).get("artifacts", {}).items():
            source = source["taskOutputArtifact"]
            (artifact,) = document["inputs"]["artifacts"][key]["artifacts"]
            kept = {name: value for name, value in artifact.items() if name != "type"}
            launcher.outputs[source["producerTask"]][source["outputArtifactKey"]] = kept
        sent = launcher.executor_input(task, definition, "salt")
        # The values are those of another deployment.
        for side in (sent["inputs"], document["inputs"]):
            if "parameterValues" in side:
                side["parameterValues"] = set(side["parameterValues"])
        assert sent == document
        assert not set(sent["inputs"].get("artifacts", {})) - set(
            document["inputs"].get("artifacts", {})
        )


def test_the_metadata_store_of_the_tests_returns_what_was_recorded(kubeflow_root, tmp_path):
    path = kubeflow_root / "recorded/classification/Evaluator.executor_input.json"
    (anomalies,) = json.loads(path.read_text())["inputs"]["artifacts"]["anomalies"]["artifacts"]
    launcher = kubeflow_launcher.Launcher(
        {"root": {"inputDefinitions": {"parameters": {}}}}, tmp_path, {}
    )
    written = {
        "blessed": {"eval": 1.0, "train": 1.0},
        "span": 0.0,
        "split_names": '["eval", "train"]',
        "tfx_version": "1.16.0",
    }
    returned = launcher._record("anomalies", {"uri": anomalies["uri"], "metadata": written})
    assert returned["metadata"] == anomalies["metadata"]
