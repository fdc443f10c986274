import random

import numpy as np
import pytest

from components.span_decoding.squad_metrics import (
    MeanScores,
    mean_scores,
    overlap,
    score_questions,
    words_of,
)
from tests.components.span_decoding import official_squad


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The  Cat, an owl\tand A theme!", ("cat", "owl", "and", "theme")),
        # Punctuation goes first, so what it divided grows together.
        ("a-b", ("ab",)),
        ("the", ()),
        ("«El Niño»", ("«el", "niño»")),
        ("", ()),
    ],
)
def test_words(text, words):
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("reference", "predicted", "f1"),
    [
        (("a", "b"), ("a", "b"), 1.0),
        # Precision 1/3, recall 1/2.
        (("x", "y"), ("x", "z", "w"), 2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2)),
        # A word counts as often as it stands in both.
        (("x", "x"), ("x",), 2 / 3),
        (("x",), ("y",), 0.0),
        ((), (), 1.0),
        (("x",), (), 0.0),
        ((), ("x",), 0.0),
    ],
)
def test_overlap(reference, predicted, f1):
    assert overlap(reference, predicted) == pytest.approx(f1, abs=1e-15)


def test_random_answers_equal_the_definitions():
    rng = random.Random(8)
    vocabulary = ["the", "A", "cat", "Cat.", "dog", "dog's", "an", "1,000", "naïve", "—", ","]

    def text():
        return " ".join(rng.choice(vocabulary) for _ in range(rng.randint(0, 5)))

    answers = [[text() for _ in range(rng.randint(0, 3))] for _ in range(500)]
    predictions = [text() for _ in range(500)]
    data = [
        {"paragraphs": [{"qas": [{"id": i, "answers": [{"text": t} for t in texts]}]}]}
        for i, texts in enumerate(answers)
    ]
    found = score_questions(answers, predictions)
    for ours, score in ((found.exact, "exact_score"), (found.f1, "f1_score")):
        expected, has_answer = official_squad.raw_scores(
            data, predictions, getattr(official_squad, score)
        )
        np.testing.assert_allclose(ours, list(expected.values()), rtol=0, atol=1e-15)
    assert found.has_answer.tolist() == list(has_answer.values())
    assert found.is_answered.tolist() == [bool(prediction) for prediction in predictions]


def test_means_are_percentages():
    scores = score_questions([["cat"], ["cat"], [], []], ["cat", "cat dog", "", "x"])
    assert mean_scores(scores) == MeanScores(50.0, pytest.approx(100 * (1 + 2 / 3 + 1) / 4), 4)
    assert mean_scores(scores, ~scores.has_answer) == MeanScores(50.0, 50.0, 2)
    assert mean_scores(scores, np.zeros(4, bool)) == MeanScores(0.0, 0.0, 0)


def test_a_threshold_leaves_questions_unanswered():
    scores = score_questions([["cat"], ["cat"], [], []], ["cat", "cat", "dog", "dog"])
    left = scores.with_threshold(np.array([0.0, 2.0, 0.5, 3.0]), 0.5)
    assert left.exact.tolist() == left.f1.tolist() == [1, 0, 0, 1]
    assert left.is_answered.tolist() == [True, False, True, False]
