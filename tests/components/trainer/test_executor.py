import json

import pytest
from tfx.components.trainer import executor as tfx_executor
from tfx.types import standard_artifacts
from tfx.utils import json_utils

from components import configuration, manifest, runtime_values
from components.preprocessing import vocabulary_file
from components.tokenization import train_sentencepiece
from components.trainer import executor, remote_training
from components.trainer.training_job import MachineConfig, TrainingJob

CONFIG = {
    "init_from": None,
    "training": {"train_steps": 5, "batch_size": 8, "learning_rate": 0.1, "strategy": "tpu"},
}
VALUES = {"train_steps": 7, "batch_size": 16, "learning_rate": 0.5, "init_from": "gs://b/xlnet"}
JOB = TrainingJob(
    project="p",
    region="r",
    service_account="s",
    root="gs://b/jobs",
    name="n",
    machine=MachineConfig(
        image="i", machine_type="ct5lp-hightpu-4t", tpu_topology="2x2", strategy="tpu"
    ),
)


@pytest.fixture
def artifacts(tmp_path):
    made = {
        "examples": standard_artifacts.Examples(),
        "model": standard_artifacts.Model(),
        "model_run": standard_artifacts.ModelRun(),
    }
    for name, artifact in made.items():
        artifact.uri = str(tmp_path / name)
    return made


@pytest.fixture
def run(monkeypatch, artifacts):
    """Runs the executor; gives the configuration that would train here, or None."""
    seen = []

    def record(self, input_dict, output_dict, exec_properties):
        seen.append(exec_properties)

    monkeypatch.setattr(tfx_executor.GenericExecutor, "Do", record)

    def do(key="fine_tuning", **values):
        seen.clear()
        custom = {key: json.dumps(CONFIG), "state_root": "gs://b/state"}
        kind = "pretraining" if key == "pretraining" else "classification"
        run_fn = f"components.trainer.{kind}.run_fn.run_fn"
        properties = {"custom_config": json_utils.dumps(custom), "run_fn": run_fn, **values}
        executor.Executor().Do(
            {"examples": [artifacts["examples"]]},
            {"model": [artifacts["model"]], "model_run": [artifacts["model_run"]]},
            properties,
        )
        if not seen:
            return None
        assert set(seen[0]) == {"custom_config", "run_fn"}
        custom = json_utils.loads(seen[0]["custom_config"])
        assert custom["state_root"] == "gs://b/state"
        return json.loads(custom[key])

    return do


@pytest.mark.parametrize("name", list(VALUES))
@pytest.mark.parametrize("key", ["fine_tuning", "pretraining"])
def test_each_runtime_value_reaches_its_place_and_no_other(run, name, key):
    changed = run(key, **{name: VALUES[name]})
    place = runtime_values.TRAINING_PLACES[name].split(".")
    expected = json.loads(json.dumps(CONFIG))
    folder = expected[place[0]] if len(place) == 2 else expected
    folder[place[-1]] = VALUES[name]
    assert changed == expected


def test_nothing_given_changes_nothing(run):
    assert run() == CONFIG
    assert run(init_from="", train_steps=None) == CONFIG


def test_after_a_job_the_run_is_finished_on_one_device(run, monkeypatch, artifacts):
    sent = []

    def train(job, **arguments):
        sent.append((job, arguments))
        return "gs://b/jobs/1/model_dir"

    monkeypatch.setattr(remote_training, "train", train)
    here = run(training_job=configuration.to_json(JOB), train_steps=7)
    assert here["training"] == {**CONFIG["training"], "strategy": "one_device", "train_steps": 7}
    ((job, arguments),) = sent
    assert job == JOB
    assert arguments["records_dir"] == artifacts["examples"].uri
    assert arguments["state_root"] == "gs://b/state"
    assert json.loads(arguments["config_text"])["training"]["train_steps"] == 7


def test_what_a_pretraining_job_made_is_shipped_as_files(run, monkeypatch, artifacts, tmp_path):
    job_dir = tmp_path / "job"
    for name in ("xlnet/xlnet_model.ckpt.index", "xlnet/xlnet_config.json", "history/h.jsonl"):
        path = job_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    records = tmp_path / "examples"
    words = [f"word{number} and more of them" for number in range(50)]
    vocabulary = train_sentencepiece.train(words, vocabulary_size=40)
    vocabulary_file.write(vocabulary, str(records))
    names = ("seq_len", "reuse_len", "bi_data", "num_predict", "uncased")
    made = manifest.Manifest("pretraining", dict.fromkeys(names, 1), vocabulary.sha256, {}, {})
    made.write(str(records))
    monkeypatch.setattr(remote_training, "train", lambda *_, **__: str(job_dir))
    assert run("pretraining", training_job=configuration.to_json(JOB)) is None
    serving = tmp_path / "model/Format-Serving"
    assert (serving / "xlnet_model.ckpt.index").read_text() == "xlnet/xlnet_model.ckpt.index"
    assert (serving / "spiece.model").read_bytes() == vocabulary.model
    assert (tmp_path / "model_run/history/h.jsonl").is_file()
