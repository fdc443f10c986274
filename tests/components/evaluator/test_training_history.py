import json

from tfx.types import standard_artifacts

from components.evaluator import training_history
from components.evaluator.report_content import Table


def model_run(directory):
    artifact = standard_artifacts.ModelRun()
    artifact.uri = str(directory)
    return {"model_run": [artifact]}


def test_a_single_training_has_curves_alone(tmp_path):
    (tmp_path / "history").mkdir()
    point = {"kind": "train", "step": 5, "loss": 0.5}
    (tmp_path / "history" / "history.jsonl").write_text(json.dumps(point) + "\n")
    assert training_history.read(model_run(tmp_path)) == training_history.TrainingHistory([point])
    assert training_history.read({}) == training_history.TrainingHistory()


def test_seeds_become_a_table_and_found_settings_a_line(tmp_path):
    runs = [
        {"seed": seed, "metrics": {"loss": loss, "accuracy": accuracy}}
        for seed, loss, accuracy in ((7, 0.25, 0.5), (9, 0.125, 0.75), (8, 1.0, 0.625))
    ]
    report = {"metric": "accuracy", "median": 0.625, "median_seed": 8, "runs": runs}
    (tmp_path / "repeats.json").write_text(json.dumps(report))
    found = {"training.batch_size": 16, "training.learning_rate": 0.001}
    (tmp_path / "found_settings.json").write_text(json.dumps(found))
    read = training_history.read(model_run(tmp_path))
    assert read.repeats == Table(
        "Seeds",
        ("seed", "loss", "accuracy"),
        [
            ("7", "0.2500", "0.5000"),
            ("9", "0.1250", "0.7500"),
            ("8 (median of accuracy)", "1.0000", "0.6250"),
        ],
    )
    assert read.lineage == {
        "settings found by the search": "training.batch_size = 16, training.learning_rate = 0.001"
    }
