import copy
import json

import pytest

from components.orchestration import executor_input
from components.orchestration.executor_input import ExecutorInputError
from components.orchestration.local_copies import LocalCopyError

EXAMPLES = {"instanceSchema": "title: tfx.Examples\ntype: object\n"}
SPEC = {
    "artifacts": {"examples": {"artifactType": EXAMPLES}},
    "parameters": {"seq_len": {"parameterType": "NUMBER_INTEGER"}},
}
URI = "minio://mlpipeline/v2/run/Gen/1/examples"
DOCUMENT = {
    "inputs": {
        "artifacts": {
            "examples": {
                "artifacts": [
                    {
                        "name": "9",
                        "type": {"instanceSchema": ""},
                        "uri": URI,
                        "metadata": {
                            "display_name": "examples",
                            "store_session_info": "null",
                            "blessed": {"struct": {"eval": 1, "train": 0}},
                            "tags": {"list": ["a", "b"]},
                            "span": 0,
                            "content_files": 2,
                            "content_bytes": 5,
                        },
                    }
                ]
            }
        },
        "parameterValues": {"seq_len": 32},
    },
    "outputs": {
        "artifacts": {
            "model": {
                "artifacts": [
                    {
                        "name": "model",
                        "type": {"instanceSchema": "title: tfx.Model\ntype: object\n"},
                        "uri": "minio://mlpipeline/v2/run/Trainer/2/model",
                    }
                ]
            }
        },
        "outputFile": "/minio/mlpipeline/v2/run/Trainer/2/output_metadata.json",
    },
}


@pytest.fixture
def pod(tmp_path):
    folder = tmp_path / "minio/mlpipeline/v2/run/Gen/1/examples/Split-train"
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(b"12")
    (folder / "b").write_bytes(b"345")
    return tmp_path


def parse(document, pod, **arguments):
    return executor_input.parse(json.dumps(document), SPEC, root=str(pod), **arguments)


def test_types_metadata_and_places_are_those_that_a_component_understands(pod):
    task = parse(DOCUMENT, pod)
    (examples,) = task.document["inputs"]["artifacts"]["examples"]["artifacts"]
    assert examples["type"] == EXAMPLES
    assert examples["uri"] == str(pod / "minio/mlpipeline/v2/run/Gen/1/examples")
    assert examples["metadata"] == {
        "blessed": {"eval": 1, "train": 0},
        "tags": ["a", "b"],
        "span": 0,
        "content_files": 2,
        "content_bytes": 5,
    }
    (model,) = task.document["outputs"]["artifacts"]["model"]["artifacts"]
    assert model["uri"] == str(pod / "minio/mlpipeline/v2/run/Trainer/2/model")
    assert task.output_file == str(pod / "minio/mlpipeline/v2/run/Trainer/2/output_metadata.json")
    assert task.restore(f"{examples['uri']}/Split-train") == f"{URI}/Split-train"
    assert task.restore(f"{examples['uri']}2") == f"{examples['uri']}2"


def test_an_artifact_of_no_type_in_particular_has_that_of_the_specification(pod):
    # As `kfp.local` of kfp 2.16 sends all of them.
    document = copy.deepcopy(DOCUMENT)
    (artifact,) = document["inputs"]["artifacts"]["examples"]["artifacts"]
    artifact["type"] = {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}
    (examples,) = parse(document, pod).document["inputs"]["artifacts"]["examples"]["artifacts"]
    assert examples["type"] == EXAMPLES


def test_workers_elsewhere_get_the_addresses(pod):
    task = parse(DOCUMENT, pod, use_copies=False)
    assert task.document["inputs"]["artifacts"]["examples"]["artifacts"][0]["uri"] == URI
    assert not task.uris
    # The launcher reads it on the pod nevertheless.
    assert task.output_file.startswith(str(pod))


def test_what_vertex_sends_stays_as_it_is(pod):
    document = copy.deepcopy(DOCUMENT)
    artifact = document["inputs"]["artifacts"]["examples"]["artifacts"][0]
    artifact |= {"type": EXAMPLES, "uri": "gs://bucket/examples", "metadata": {"span": 3}}
    document["outputs"]["outputFile"] = "gs://bucket/out.json"
    task = executor_input.parse(json.dumps(document), None, root=str(pod))
    assert task.document == document
    assert task.output_file == "gs://bucket/out.json"


@pytest.mark.parametrize("empty", [{}, {"artifacts": []}])
def test_what_a_resolver_on_vertex_did_not_find_is_left_out(pod, empty):
    expected = copy.deepcopy(DOCUMENT)
    artifact = expected["inputs"]["artifacts"]["examples"]["artifacts"][0]
    artifact |= {"type": EXAMPLES, "uri": "gs://bucket/examples", "metadata": {}}
    expected["outputs"]["outputFile"] = "gs://bucket/out.json"
    document = copy.deepcopy(expected)
    document["inputs"]["artifacts"]["baseline_model"] = empty
    task = executor_input.parse(json.dumps(document), None, root=str(pod))
    assert "baseline_model" not in task.document["inputs"]["artifacts"]
    assert task.document == expected


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (("inputs", "artifacts"), "lacks artifact 'examples', which the component's"),
        (("inputs", "parameterValues"), "lacks parameter 'seq_len', which"),
        (("outputs", "outputFile"), r"has no outputs\.outputFile"),
        (("inputs",), "lacks artifact 'examples', parameter 'seq_len'"),
    ],
)
def test_what_the_specification_promises_and_is_not_there_is_named(pod, places, message):
    document = copy.deepcopy(DOCUMENT)
    target = document
    for place in places[:-1]:
        target = target[place]
    del target[places[-1]]
    with pytest.raises(ExecutorInputError, match=message):
        parse(document, pod)


@pytest.mark.parametrize("empty", [{}, {"artifacts": []}])
def test_an_input_without_an_artifact_is_named(pod, empty):
    document = copy.deepcopy(DOCUMENT)
    document["inputs"]["artifacts"]["examples"] = empty
    with pytest.raises(ExecutorInputError, match=r"inputs\.examples has 0 artifacts"):
        parse(document, pod)


def test_text_that_is_no_json_is_named(pod):
    with pytest.raises(ExecutorInputError, match="not valid JSON"):
        executor_input.parse("{{$}}", SPEC, root=str(pod))


def test_an_incomplete_copy_is_named_with_what_is_missing(pod):
    (pod / "minio/mlpipeline/v2/run/Gen/1/examples/Split-train/b").unlink()
    message = r"'examples' \(minio://.*\) at .* is incomplete: 1 files with 2 bytes, where 2 with 5"
    with pytest.raises(LocalCopyError, match=message):
        parse(DOCUMENT, pod)


def test_a_copy_that_is_not_there_is_named(pod):
    document = copy.deepcopy(DOCUMENT)
    metadata = document["inputs"]["artifacts"]["examples"]["artifacts"][0]["metadata"]
    del metadata["content_files"], metadata["content_bytes"]
    document["inputs"]["artifacts"]["examples"]["artifacts"][0]["uri"] += "-other"
    with pytest.raises(LocalCopyError, match="Nothing of input 'examples'"):
        parse(document, pod)


def test_what_a_broken_upload_left_behind_is_let_pass(pod):
    (pod / "minio/mlpipeline/v2/run/Gen/1/examples/Split-train/c").write_bytes(b"6")
    parse(DOCUMENT, pod)
