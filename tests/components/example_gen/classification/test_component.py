"""TextExampleGen inside TFX: the executor's artifact, the cache, and the compiled form."""

import json
import os

import pytest

from components import configuration, tf_examples, tfrecords
from components.example_gen.classification.dataset import Columns, Split, TextDataset
from components.example_gen.classification.settings import TextExampleGenSettings
from pipeline import local_runner

_DATASET = TextDataset(
    name="mine",
    file_format="csv",
    columns=Columns(text_a=1, label=0),
    labels=("no", "yes"),
    splits={"train": Split("train.csv"), "eval": Split("dev.csv"), "test": Split("t.csv", None)},
)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train.csv").write_text("".join(f'yes,"text {i}"\n' for i in range(20)))
    (folder / "dev.csv").write_text('no,"a\nb"\n')
    (folder / "t.csv").write_text("yes,c\n")
    return folder


def _split_files(uri):
    return {
        name: sorted(os.listdir(os.path.join(uri, name)))
        for name in sorted(os.listdir(uri))
        if name.startswith("Split-")
    }


def _executor_arguments(component):
    from tfx.types import standard_artifacts

    artifact = standard_artifacts.Examples()
    return {"examples": [artifact]}, artifact, dict(component.exec_properties)


def test_executor_fills_the_artifact(data, tmp_path, local_beam):
    from tfx.components.util import examples_utils
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils

    from components.example_gen.classification.component import TextExampleGen
    from components.example_gen.classification.executor import Executor

    component = TextExampleGen(str(data), TextExampleGenSettings(_DATASET, seed=3))
    outputs, artifact, properties = _executor_arguments(component)
    artifact.uri = str(tmp_path / "examples")
    Executor(local_beam).Do({}, outputs, properties)

    assert set(artifact_utils.decode_split_names(artifact.split_names)) == {"train", "eval", "test"}
    assert examples_utils.get_payload_format(artifact) == example_gen_pb2.FORMAT_TF_EXAMPLE
    assert examples_utils.get_file_format(artifact) == "tfrecords_gzip"
    name = "data_tfrecord-00000-of-00001.gz"
    assert _split_files(artifact.uri) == {
        "Split-eval": [name],
        "Split-test": [name],
        "Split-train": [name],
    }
    (record,) = tfrecords.read_records(f"{artifact.uri}/Split-eval/{name}")
    assert tf_examples.decode(record) == {
        "guid": [b"eval-0"],
        "label": [b"no"],
        "source_file": [b"dev.csv"],
        "source_line": [1],
        "text_a": [b"a\nb"],
    }
    with open(f"{artifact.uri}/counts.json", encoding="utf-8") as file:
        assert json.load(file)["train"]["produced"] == 20


def test_an_optional_split_without_files_is_not_in_the_artifact(data, tmp_path, local_beam):
    from tfx.types import artifact_utils

    from components.example_gen.classification.component import TextExampleGen
    from components.example_gen.classification.executor import Executor

    splits = {**_DATASET.splits, "test": Split("absent.csv", required=False)}
    dataset = TextDataset(
        name="mine",
        file_format="csv",
        columns=_DATASET.columns,
        labels=("no", "yes"),
        splits=splits,
    )
    component = TextExampleGen(str(data), TextExampleGenSettings(dataset))
    outputs, artifact, properties = _executor_arguments(component)
    artifact.uri = str(tmp_path / "examples")
    Executor(local_beam).Do({}, outputs, properties)
    assert set(artifact_utils.decode_split_names(artifact.split_names)) == {"train", "eval"}
    assert set(_split_files(artifact.uri)) == {"Split-eval", "Split-train"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"splits": {"test": Split("t.csv")}}, {"test": 1}),
        (
            {"splits": {"all": Split("*.csv")}, "hash_split": {"train": 9, "eval": 1}},
            {"train": 9, "eval": 1},
        ),
    ],
)
def test_output_config_tells_tfx_of_the_splits(changes, expected):
    from tfx.proto import example_gen_pb2
    from tfx.utils import proto_utils

    from components.example_gen.classification.component import TextExampleGen

    dataset = TextDataset(
        **{
            "name": "mine",
            "file_format": "csv",
            "columns": _DATASET.columns,
            "labels": ("no", "yes"),
            "splits": _DATASET.splits,
            **changes,
        }
    )
    component = TextExampleGen("/data", TextExampleGenSettings(dataset))
    output = example_gen_pb2.Output()
    proto_utils.json_to_proto(component.exec_properties["output_config"], output)
    splits = output.split_config.splits
    assert {split.name: split.hash_buckets for split in splits} == expected


def test_settings_are_part_of_what_the_cache_compares():
    from components.example_gen.classification.component import TextExampleGen

    def properties(**settings):
        settings = TextExampleGenSettings(_DATASET, **settings)
        return TextExampleGen("/data", settings).exec_properties

    assert properties() == properties()
    assert properties(seed=1) != properties(seed=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_dead_letter_share": 1.5}, "max_dead_letter_share must be at most 1"),
        ({"shard_bytes": 0}, "shard_bytes"),
        ({"max_row_bytes": -1}, "max_row_bytes"),
    ],
)
def test_settings_are_checked(changes, message):
    with pytest.raises(ValueError, match=message):
        configuration.build(TextExampleGenSettings, {"dataset": _DATASET, **changes})


def test_compiles_for_kubeflow_with_the_driver_that_fingerprints(data, tmp_path):
    import yaml
    from tfx import v1 as tfx

    from components.example_gen.classification.component import TextExampleGen

    component = TextExampleGen(str(data), TextExampleGenSettings(_DATASET))
    path = str(tmp_path / "pipeline.yaml")
    config = tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(
        default_image="example.org/image:1", use_pipeline_spec_2_1=True
    )
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(config, output_filename=path)
    runner.run(
        tfx.dsl.Pipeline("p", pipeline_root=str(tmp_path), components=[component]),
        write_out=True,
    )
    with open(path, encoding="utf-8") as file:
        executors = yaml.safe_load(file)["deploymentSpec"]["executors"]
    container = executors["TextExampleGen_executor"]["container"]
    assert "components.example_gen.classification.executor.Executor" in container["args"]
    assert "file_based_example_gen.driver" in str(container["lifecycle"]["preCacheCheck"])


@pytest.mark.e2e
def test_cache_is_hit_until_the_input_changes(data, tmp_path):
    from tfx import v1 as tfx
    from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner

    from components.example_gen.classification.component import TextExampleGen

    def run():
        component = TextExampleGen(str(data), TextExampleGenSettings(_DATASET))
        statistics = tfx.components.StatisticsGen(examples=component.outputs["examples"])
        connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(tmp_path / "metadata.db")
        )
        pipeline = tfx.dsl.Pipeline(
            "p",
            pipeline_root=str(tmp_path / "root"),
            components=[component, statistics],
            enable_cache=True,
            metadata_connection_config=connection,
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
        )
        # This fails where Beam asks for Prism (see conftest.py).
        with local_runner.orchestration_without_download():
            BeamDagRunner().run(pipeline)
        root = tmp_path / "root"
        return [
            len(os.listdir(root / "TextExampleGen" / "examples")),
            len(os.listdir(root / "StatisticsGen" / "statistics")),
        ]

    assert run() == [1, 1]
    assert run() == [1, 1]
    with open(data / "dev.csv", "a", encoding="utf-8") as file:
        file.write("yes,d\n")
    assert run() == [2, 2]
