"""Every component as a plain command, on folders."""

import json
import runpy

import pytest
import yaml

from components import standalone

PACKAGES = (
    "components.example_gen",
    "components.tokenization",
    "components.preprocessing.classification",
    "components.preprocessing.question_answering",
    "components.preprocessing.pretraining",
    "components.trainer",
    "components.evaluator",
    "components.checkpoint_conversion",
)


def run(package: str, *arguments: object) -> int:
    module = runpy.run_module(f"{package}.__main__")
    commands = module.get("COMMANDS") or module["COMMAND"]
    return standalone.main(package, commands, [str(argument) for argument in arguments])


@pytest.mark.parametrize("package", PACKAGES)
def test_every_component_explains_itself(package, capsys):
    with pytest.raises(SystemExit) as stop:
        run(package, "--help")
    assert stop.value.code == 0
    assert f"python -m {package}" in capsys.readouterr().out


def test_from_raw_files_to_a_blessed_model_by_plain_commands(tmp_path, project_root):
    sample = yaml.safe_load((project_root / "pipeline/presets/sample.yaml").read_text())
    settings = tmp_path / "text.yaml"
    settings.write_text(yaml.safe_dump({"dataset": sample["data"]["dataset"]}))
    examples, model, records, graph = (tmp_path / name for name in ("ex", "sp", "rec", "graph"))
    data = project_root / "pipeline/sample_data/classification"
    labels = ("--labels", "negative", "positive")
    assert not run(
        *("components.example_gen", "text", "--config", settings),
        *("--data-root", data, "--examples", examples),
    )
    assert not run(
        *("components.tokenization", "--examples", examples, "--vocabulary-size", 256),
        *("--model", model),
    )
    assert not run(
        *("components.preprocessing.classification", "--examples", examples),
        *("--sentencepiece-model", model, "--seq-len", 32, *labels),
        *("--records", records, "--transform-graph", graph),
    )
    training = tmp_path / "training.json"
    training.write_text(json.dumps(_training(sample)))
    for _ in range(2):  # the second run goes on from the first, and finds nothing left to do
        assert not run(
            *("components.trainer", "classification", "--config", training),
            *("--records", records, "--model-dir", tmp_path / "run"),
        )
    rows = (tmp_path / "run/history/history.jsonl").read_text().splitlines()
    steps = [row["step"] for row in map(json.loads, rows) if row["kind"] == "train"]
    assert steps == [10, 20]
    assert (tmp_path / "run/xlnet/xlnet_config.json").is_file()


def test_errors_are_one_line(tmp_path, capsys):
    assert run(
        *("components.trainer", "classification", "--config", tmp_path / "none.yaml"),
        *("--records", tmp_path, "--model-dir", tmp_path / "run"),
    )
    assert capsys.readouterr().err.startswith("error: No file matches")


def test_errors_inside_of_beam_are_printed_once(tmp_path, capsys, caplog):
    (tmp_path / "train.json").write_text('{"data": [{"title": "a",}]}')
    (tmp_path / "settings.yaml").write_text("patterns: {train: train.json}")
    assert run(
        *("components.example_gen", "squad", "--config", tmp_path / "settings.yaml"),
        *("--data-root", tmp_path, "--examples", tmp_path / "out"),
    )
    errors = [line for line in capsys.readouterr().err.splitlines() if "not valid JSON" in line]
    assert [line.startswith("error: ") for line in errors] == [True]
    assert "while running" not in caplog.text


def _training(sample) -> dict:
    size = {"n_layer": 1, "d_model": 16, "n_head": 2, "d_head": 8, "d_inner": 32, "n_token": 256}
    return {
        "kind": "classification",
        "task_name": "sample",
        "labels": sample["data"]["dataset"]["labels"],
        "metric_names": ["accuracy"],
        "seq_len": 32,
        "uncased": False,
        "model": {**size, "ff_activation": "gelu", "untie_r": True},
        "options": {},
        "training": {
            "batch_size": 16,
            "train_steps": 20,
            "learning_rate": 1e-3,
            "steps_per_loop": 10,
            "eval_batch_size": 50,
        },
    }
