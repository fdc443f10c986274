"""Prediction files for SQuAD's leaderboard, of test files that tell no answers."""

import json

import numpy as np
import pytest

from components.serving import squad_predictions

CONTEXT = "Ada lives in Rome with a cat."


class FakeModel:
    """Says the first word of each context; leaves every third question unanswered."""

    path = "fake"
    kind = "question_answering"

    def __init__(self):
        self.batch_sizes = []

    def predict(self, question, context):
        self.batch_sizes.append(len(question))
        words = [text.split()[0].encode() for text in context]
        unanswered = [text.endswith("3?") for text in question]
        answers = [b"" if none else word for word, none in zip(words, unanswered, strict=True)]
        return {
            "answer": np.array(answers, object),
            "null_score": np.array([1.5 if none else -2.0 for none in unanswered]),
            # The second candidate is none: a beam that ended early.
            "answers": np.array([[word, b""] for word in words], object),
            "scores": np.array([[0.75, 0.0]] * len(words)),
            "answer_starts": np.array([[0, -1]] * len(words)),
        }


@pytest.fixture
def test_file(tmp_path) -> str:
    """As a test split is given out: ids and questions, in neither version's way of "no answer"."""
    questions = [{"id": f"q{number}", "question": f"Who is {number}?"} for number in range(1, 6)]
    paragraphs = [
        {"context": CONTEXT, "qas": questions[:3]},
        {"context": "Bob is out.", "qas": questions[3:]},
    ]
    document = {"version": "v2.0", "data": [{"title": "people", "paragraphs": paragraphs}]}
    path = tmp_path / "test.json"
    path.write_text(json.dumps(document))
    return str(path)


def test_every_question_of_a_file_without_answers_has_a_prediction(test_file, tmp_path):
    model = FakeModel()
    counts = squad_predictions.write(
        model, test_file, directory=str(tmp_path / "out"), batch_size=2
    )
    assert counts == {"questions": 5, "answered": 4}
    assert model.batch_sizes == [2, 2, 1]
    read = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()}
    assert read == {
        "predictions": {"q1": "Ada", "q2": "Ada", "q3": "", "q4": "Bob", "q5": "Bob"},
        "null_odds": {"q1": -2.0, "q2": -2.0, "q3": 1.5, "q4": -2.0, "q5": -2.0},
        "nbest_predictions": {
            f"q{number}": [
                {"text": "Ada" if number < 4 else "Bob", "probability": 0.75, "start": 0}
            ]
            for number in range(1, 6)
        },
    }


def test_models_of_other_kinds_are_refused(test_file, tmp_path):
    model = FakeModel()
    model.kind = "classification"
    with pytest.raises(squad_predictions.NotQuestionAnsweringError, match="is one for classif"):
        squad_predictions.write(model, test_file, directory=str(tmp_path / "out"), batch_size=2)
    assert not (tmp_path / "out").exists()
