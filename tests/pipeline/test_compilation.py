import json
import re

import pytest
import yaml
from google.protobuf import json_format
from kfp import components as kfp_components
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.utils import import_utils

from components import artifacts
from pipeline import compilation, compiled_classes, preset_loader, runtime_parameters
from pipeline.runtime_parameters import RuntimeParameterError
from tests.pipeline import golden
from tests.pipeline.conftest import DEPLOYMENT, IMAGE, TRAINER_IMAGE

PRESETS = ("sample", "sample_question_answering", "sample_pretraining")
# What the issue promises to operators, with the types they see.
PARAMETERS = {
    "data_root": "STRING",
    "train_steps": "NUMBER_INTEGER",
    "batch_size": "NUMBER_INTEGER",
    "learning_rate": "NUMBER_DOUBLE",
    "init_from": "STRING",
    "thresholds": "STRING",
}

SEARCH = (
    "search={metric: accuracy, max_trials: 2, "
    "space: {training.learning_rate: {values: [1.0e-3, 1.0e-4]}}}"
)


@pytest.fixture(params=PRESETS)
def preset(request):
    return request.param


@pytest.fixture
def spec(deployed, preset):
    return compilation.compile_pipeline(deployed(preset=preset), "kfp")


def executors(spec):
    return {
        name: executor["container"]
        for name, executor in spec["deploymentSpec"]["executors"].items()
        if "container" in executor
    }


def test_kubeflow_accepts_the_yaml(spec, tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text(compilation.to_text(spec, "kfp"))
    loaded = yaml.safe_load(path.read_text())
    assert loaded == spec
    json_format.ParseDict(loaded, pipeline_spec_pb2.PipelineSpec())
    component = kfp_components.load_component_from_file(str(path))
    inputs = component.component_spec.inputs
    assert set(inputs) == set(PARAMETERS)
    # Without defaults the kfp client would ask for every one of them.
    assert all(specification.optional for specification in inputs.values())


def test_the_specification_says_what_the_deployment_says(spec):
    assert spec["schemaVersion"] == "2.1.0"
    assert spec["defaultPipelineRoot"] == "gs://bucket/root"
    declared = spec["root"]["inputDefinitions"]["parameters"]
    assert {name: value["parameterType"] for name, value in declared.items()} == PARAMETERS
    assert declared["data_root"]["defaultValue"] == "gs://bucket/data"
    images = {name: container["image"] for name, container in executors(spec).items()}
    assert images.pop("Trainer_executor") == TRAINER_IMAGE
    assert set(images.values()) == {IMAGE}
    resources = {name: container["resources"] for name, container in executors(spec).items()}
    assert resources.pop("Trainer_executor")["accelerator"] == {
        "type": "nvidia.com/gpu",
        "count": "1",
    }
    assert all(value["memoryLimit"] == 16.0 for value in resources.values())
    for task in spec["root"]["dag"]["tasks"].values():
        assert task["retryPolicy"]["maxRetryCount"] == 2


@pytest.mark.parametrize("target", ["kfp", "vertex"])
def test_no_credential_of_this_machine_is_compiled_in(deployed, target, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN"):
        monkeypatch.setenv(name, f"planted-{name.lower()}")
    config = deployed(target=target)
    text = compilation.to_text(compilation.compile_pipeline(config, target), target)
    assert "planted-" not in text


def test_kubeflow_gets_no_resolver_and_no_cached_example_gen(spec):
    # Its backend knows no resolvers, and its cache sees the folder's name but not the files.
    assert all("container" in value for value in spec["deploymentSpec"]["executors"].values())
    cached = {
        name
        for name, task in spec["root"]["dag"]["tasks"].items()
        if task["cachingOptions"].get("enableCache")
    }
    tasks = set(spec["root"]["dag"]["tasks"])
    assert {name for name in tasks - cached if not name.endswith("ExampleGen")} == {"Trainer"}
    assert any(name.endswith("ExampleGen") for name in tasks - cached)


def test_every_class_that_a_container_imports_is_there(spec):
    found = compiled_classes.import_all(spec)
    assert not any(path.startswith("__main__") for path in found)
    # TFX's entry point looks artifact types up by the name they were compiled under.
    title = artifacts.SentencePieceModel.TYPE_NAME
    assert title in found
    assert import_utils.import_class_by_path(title) is artifacts.SentencePieceModel
    assert any(path.startswith("components.trainer.") and "run_fn" in path for path in found)


def test_vertex_gets_a_job_with_its_resolver_and_cached_example_gen(deployed, preset):
    job = compilation.compile_pipeline(deployed(preset=preset, target="vertex"), "vertex")
    spec = job["pipelineSpec"]
    assert spec["schemaVersion"] == "2.0.0"
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/root"
    assert job["labels"]["team"] == "nlp"
    # Schema 2.0 has no defaults in the declaration: they travel as values.
    assert set(job["runtimeConfig"]["parameters"]) == set(PARAMETERS)
    assert any("resolver" in value for value in spec["deploymentSpec"]["executors"].values())
    for name, task in spec["root"]["dag"]["tasks"].items():
        if name.endswith("ExampleGen"):
            assert task["cachingOptions"] == {"enableCache": True}


def test_compiling_again_gives_the_same_text(deployed):
    texts = {
        compilation.to_text(compilation.compile_pipeline(deployed(), "kfp"), "kfp")
        for _ in range(2)
    }
    assert len(texts) == 1


def test_the_golden_specification(deployed, project_root):
    """A change here changes what runs on clusters: look at the difference, then renew the file.

    .venv/bin/python -m tests.pipeline.golden.renew
    """
    path = project_root / "tests/pipeline/golden/sample.kfp.yaml"
    compiled = compilation.compile_pipeline(deployed(), "kfp")
    expected = yaml.safe_load(path.read_text())
    assert golden.without_versions(compiled) == golden.without_versions(expected)


def test_unknown_components_are_named(deployed):
    with pytest.raises(compilation.CompilationError, match=r"resources names Trainr; .*Trainer"):
        compilation.compile_pipeline(deployed("deployment.resources.Trainr={cpu: 1}"), "kfp")


def test_a_training_job_reaches_the_trainer(deployed):
    machine = {
        "image": TRAINER_IMAGE,
        "machine_type": "ct5lp-hightpu-4t",
        "tpu_topology": "2x2",
        "strategy": "tpu",
    }
    config = deployed(
        f"deployment.training_job={json.dumps(machine)}", "deployment.region=us-west4"
    )
    spec = compilation.compile_pipeline(config, "kfp")
    parameters = spec["root"]["dag"]["tasks"]["Trainer"]["inputs"]["parameters"]
    job = json.loads(parameters["training_job"]["runtimeValue"]["constant"])
    assert job["machine"]["tpu_topology"] == "2x2"
    assert job["region"] == "us-west4"
    assert job["service_account"] == DEPLOYMENT["service_account"]


def test_the_tuner_takes_the_parameters_of_the_trainer_but_what_it_chooses_itself(deployed):
    spec = compilation.compile_pipeline(deployed(SEARCH), "kfp")
    assert set(spec["root"]["inputDefinitions"]["parameters"]) == set(PARAMETERS) - {
        "learning_rate"
    }
    bound = {
        name: {
            parameter
            for parameter, value in task.get("inputs", {}).get("parameters", {}).items()
            if "componentInputParameter" in value
        }
        for name, task in spec["root"]["dag"]["tasks"].items()
    }
    assert bound["Tuner"] == bound["Trainer"] == {"train_steps", "batch_size", "init_from"}
    with pytest.raises(RuntimeParameterError, match="does not take learning_rate: a search"):
        runtime_parameters.check({"learning_rate": 0.5, "train_steps": 3}, spec)


def test_no_module_brings_in_vertexs_client(project_root):
    # `tfx.v1` imports google.cloud.aiplatform, a fourth of all that compiling would have to import.
    modules = [
        path for name in ("components", "pipeline") for path in (project_root / name).rglob("*.py")
    ]
    assert modules
    pattern = re.compile(r"^\s*(from tfx import v1|from tfx\.v1|import tfx\.v1)", re.MULTILINE)
    assert not [str(path) for path in modules if pattern.search(path.read_text())]


def test_presets_need_no_deployment_to_be_read():
    assert preset_loader.load("sample").deployment is None
