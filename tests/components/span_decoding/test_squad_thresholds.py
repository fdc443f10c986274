import numpy as np
import pytest

from components.span_decoding.squad_metrics import QuestionScores
from components.span_decoding.squad_thresholds import (
    best_threshold,
    precision_recall,
    score_by_threshold,
)
from tests.components.span_decoding import official_squad


def _scores(score, has_answer, is_answered=True):
    score = np.asarray(score, float)
    has_answer = np.asarray(has_answer, bool)
    return QuestionScores(score, score, has_answer, np.broadcast_to(is_answered, score.shape))


def test_hand_made_threshold():
    # Nothing answered: 2 of 5. Then +1, +1 (best: 4), -1, +0.5, -1.
    odds = np.array([-3.0, -2.0, 0.0, 1.0, 5.0])
    scores = _scores([1, 1, 0, 0.5, 0], [1, 1, 0, 1, 0])
    found = best_threshold(scores.f1, scores, odds)
    assert (found.score, found.threshold) == (80.0, -2.0)


def test_answering_nothing_may_be_best():
    scores = _scores([0, 0, 0], [0, 0, 1])
    odds = np.array([-1.0, 2.0, 3.0])
    found = best_threshold(scores.f1, scores, odds)
    assert (found.score, found.official) == (pytest.approx(200 / 3), 0.0)
    # The official 0 would have the first question answered.
    assert scores.with_threshold(odds, 0.0).f1.tolist() == [0, 1, 0]
    assert scores.with_threshold(odds, found.threshold).f1.tolist() == [1, 1, 0]
    # So it is in a model in service, which compares in float32.
    assert np.float32(odds[0]) > np.float32(found.threshold)


def test_empty_predictions_lose_nothing():
    scores = _scores([1, 1, 1], [0, 0, 1], is_answered=[False, True, True])
    found = best_threshold(scores.f1, scores, np.array([-1.0, 2.0, 0.0]))
    assert (found.score, found.threshold) == (100.0, 0.0)


def test_random_data_equal_a_search_over_all_thresholds():
    rng = np.random.default_rng(0)
    for _ in range(50):
        n = 80
        has_answer = rng.random(n) < 0.6
        f1 = np.where(has_answer, rng.random(n), 0.0)
        odds = rng.normal(size=n) - has_answer
        scores = _scores(f1, has_answer)
        found = best_threshold(f1, scores, odds)
        expected = official_squad.best_by_brute_force(
            dict(enumerate(f1)), dict(enumerate(has_answer)), dict(enumerate(odds))
        )
        assert (found.score, found.official) == pytest.approx(expected, abs=1e-9)


def test_hand_made_curve():
    # Answered one by one, the two with odds 1 together: found 1, 1, 1.5 + 0.
    odds = np.array([1.0, -1.0, 0.0, 1.0])
    curve = precision_recall(
        np.array([0.5, 1.0, 0.9, 0.0]), np.array([True, True, False, True]), odds
    )
    np.testing.assert_allclose(curve.precisions, [1, 1, 1 / 2, 1.5 / 4])
    np.testing.assert_allclose(curve.recalls, [0, 1 / 3, 1 / 3, 1.5 / 3])
    assert curve.average_precision == pytest.approx(100 * (1 / 3 + 1.5 / 4 * (0.5 / 3)))


def test_a_perfect_curve_has_area_100():
    curve = precision_recall(np.ones(4), np.array([1, 1, 0, 0], bool), np.arange(4.0))
    assert curve.average_precision == pytest.approx(100)


def test_scores_by_threshold_are_what_each_threshold_gives():
    # Nothing answered: 2 of 5. Then +1, +1, -1 and, at once because they are equal, +0.5 and -1.
    odds = np.array([-3.0, -2.0, 0.0, 1.0, 1.0])
    scores = _scores([1, 1, 0, 0.5, 0], [1, 1, 0, 1, 0])
    thresholds, means = score_by_threshold(scores.f1, scores, odds)
    assert thresholds.tolist() == [-3.0, -2.0, 0.0, 1.0]
    assert means.tolist() == [60.0, 80.0, 60.0, 50.0]
