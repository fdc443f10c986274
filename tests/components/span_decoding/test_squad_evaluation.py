import json
import math

import pytest

from components.example_gen.question_answering.squad import Answer, Paragraph, Question
from components.span_decoding.squad_evaluation import (
    PredictionsError,
    evaluate_predictions,
    read_dataset,
)
from tests.components.span_decoding import official_squad

DATASET = [
    Paragraph(
        "The cat sat on the mat.",
        (
            Question("a", "Who sat?", (Answer("The cat", 0), Answer("cat", 4)), False),
            Question("b", "Where?", (Answer("on the mat", 12),), False),
            Question("c", "Why?", (), True),
        ),
        "Pets",
        "file",
        0,
    )
]


def test_hand_made_scores():
    predictions = {"a": "cat", "b": "mat", "c": "x", "z": "unknown"}
    found = evaluate_predictions(DATASET, predictions, {"a": -2, "b": -1.5, "c": 3.0})
    # b: words "on mat" against "mat": precision 1, recall 1/2.
    assert found.metrics() == pytest.approx(
        {
            "exact": 100 / 3,
            "f1": 100 * (1 + 2 / 3) / 3,
            "total": 3,
            "HasAns_exact": 50.0,
            "HasAns_f1": 100 * (1 + 2 / 3) / 2,
            "HasAns_total": 2,
            "NoAns_exact": 0.0,
            "NoAns_f1": 0.0,
            "NoAns_total": 1,
            "best_exact": 200 / 3,
            "best_exact_thresh": -2,
            "best_f1": 100 * (1 + 2 / 3 + 1) / 3,
            "best_f1_thresh": -1.5,
            "pr_exact_ap": 50.0,
            "pr_f1_ap": 100 * (1 / 2 + (1 + 2 / 3) / 2 * (1 / 3)),
            "pr_oracle_ap": 100.0,
        }
    )
    assert found.threshold == -1.5
    # a is right, b is half right, and c is left unanswered.
    changed = {"exact": 200 / 3, "f1": 100 * (1 + 2 / 3 + 1) / 3, "NoAns_exact": 100.0}
    metrics = found.metrics()
    assert found.at_threshold().metrics() == {
        **metrics,
        **{name: pytest.approx(value) for name, value in changed.items()},
        "NoAns_f1": 100.0,
    }
    assert found.slices["question_word"]["why"].exact == 100.0


def test_without_null_odds_there_are_no_thresholds():
    found = evaluate_predictions(DATASET, {"a": "cat", "b": "", "c": ""})
    assert found.thresholds is None
    assert found.metrics()["exact"] == pytest.approx(200 / 3)
    assert "best_f1" not in found.metrics()


def test_version_1_has_no_unanswerable_questions():
    paragraphs = [Paragraph("x", DATASET[0].questions[:2], "", "", 0)]
    odds = {"a": 0.0, "b": 1.0}
    found = evaluate_predictions(paragraphs, {"a": "cat", "b": "no"}, odds)
    assert found.thresholds.best_f1.threshold == 0.0
    assert found.threshold is None
    assert found.at_threshold() is found
    metrics = found.metrics()
    assert "NoAns_total" not in metrics
    assert metrics["total"] == metrics["HasAns_total"] == 2


ODDS = {"a": 0.0, "b": 0.0, "c": 0.0}
ANSWERS = {"a": "", "b": "", "c": ""}


@pytest.mark.parametrize(
    ("dataset", "predictions", "odds", "message"),
    [
        (DATASET, {"a": "x", "c": ""}, None, r"1 of 3 questions have no prediction, e\.g\. b"),
        (DATASET, ANSWERS, {"a": 1.0}, r"2 of 3 questions have no null odds, e\.g\. b, c"),
        (DATASET, {**ANSWERS, "a": None}, None, "1 predictions are not text, e.g. of a"),
        (DATASET, ANSWERS, {**ODDS, "b": "1"}, "1 null odds are not numbers, e.g. of b"),
        (DATASET, ANSWERS, {**ODDS, "b": math.nan}, "1 null odds are not numbers"),
        ([], {}, None, "no questions"),
    ],
)
def test_incomplete_predictions_are_refused(dataset, predictions, odds, message):
    with pytest.raises(PredictionsError, match=message):
        evaluate_predictions(dataset, predictions, odds)


def test_a_damaged_data_set_is_not_scored(tmp_path):
    path = tmp_path / "dev.json"
    qas = [{"id": "a", "question": "Who?", "answers": []}, {"id": "b"}]
    data = {"data": [{"title": "T", "paragraphs": [{"context": "x", "qas": qas}]}]}
    path.write_text(json.dumps(data))
    with pytest.raises(PredictionsError, match=r"question b: missing key .*fix the file"):
        read_dataset(str(path))


@pytest.mark.real_data
def test_real_predictions_equal_the_definitions(data_root):
    folder = data_root / "squad"
    predictions = json.loads((folder / "xlnet_base_run" / "predictions.json").read_text())
    odds = json.loads((folder / "xlnet_base_run" / "null_odds.json").read_text())
    found = evaluate_predictions(read_dataset(str(folder / "dev-v2.0.json")), predictions, odds)
    metrics = found.metrics()
    data = json.loads((folder / "dev-v2.0.json").read_text())["data"]
    for name, score in (("exact", "exact_score"), ("f1", "f1_score")):
        scores, has_answer = official_squad.raw_scores(
            data, predictions, getattr(official_squad, score)
        )
        parts = {
            "": list(scores),
            "HasAns_": [i for i in scores if has_answer[i]],
            "NoAns_": [i for i in scores if not has_answer[i]],
        }
        for prefix, ids in parts.items():
            expected = 100 * math.fsum(scores[i] for i in ids) / len(ids)
            assert metrics[prefix + name] == pytest.approx(expected, abs=1e-9)
            assert metrics[prefix + "total"] == len(ids)
        best, threshold = official_squad.best_by_brute_force(scores, has_answer, odds)
        assert metrics[f"best_{name}"] == pytest.approx(best, abs=1e-9)
        assert metrics[f"best_{name}_thresh"] == threshold
    assert found.thresholds.at_best_f1["total"].f1 == pytest.approx(metrics["best_f1"], abs=1e-9)
