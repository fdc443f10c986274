import json

from components.evaluator import visualization


def test_what_interfaces_draw(tmp_path):
    results = {
        "blessed": True,
        "metrics": {"accuracy": 0.75, "undefined": None},
        "confusion": {"labels": ["no", "yes"], "matrix": [[1, 1], [0, 2]]},
        "roc": [
            {"threshold": 1.0, "recall": 0.0, "false_positive_rate": 0.0},
            {"threshold": 0.5, "recall": 1.0, "false_positive_rate": None},
        ],
    }
    evaluation = tmp_path / "evaluation"
    evaluation.mkdir()
    (evaluation / "results.json").write_text(json.dumps(results))
    (evaluation / "report.html").write_text("<html></html>")
    written = visualization.run(
        {"evaluation": str(evaluation)},
        {name: str(tmp_path / name) for name in visualization.OUTPUTS},
    )
    assert written["metrics"] == {"accuracy": 0.75, "blessed": 1.0}
    # The format that kfp's dsl.ClassificationMetrics documents.
    assert written["classification"] == {
        "confusionMatrix": {
            "annotationSpecs": [{"displayName": "no"}, {"displayName": "yes"}],
            "rows": [{"row": [1, 1]}, {"row": [0, 2]}],
        },
        "confidenceMetrics": [
            {"confidenceThreshold": 1.0, "recall": 0.0, "falsePositiveRate": 0.0}
        ],
    }
    assert (tmp_path / "report").read_text() == "<html></html>"


def test_an_evaluation_of_other_tasks_has_no_classification_metrics():
    results = {"blessed": False, "metrics": {"best_f1": 80.0}}
    assert visualization.classification_metrics(results) == {}
    assert visualization.scalar_metrics(results) == {"best_f1": 80.0, "blessed": 0.0}
