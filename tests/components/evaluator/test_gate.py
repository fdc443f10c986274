import pytest

from components import configuration
from components.evaluator import gate
from components.evaluator.config import Threshold
from components.evaluator.question_answering.config import QuestionAnsweringEvaluationConfig


def judge(metrics, thresholds, baseline=None, **more):
    return gate.judge(metrics, baseline=baseline, thresholds=thresholds, **more)


@pytest.mark.parametrize(
    ("value", "baseline", "threshold", "blessed"),
    [
        (80.0, None, Threshold(minimum=80.0), True),
        (79.9, None, Threshold(minimum=80.0), False),
        (float("nan"), None, Threshold(minimum=0.0), False),
        (70.0, 71.0, Threshold(maximum_drop=1.0), True),
        (69.9, 71.0, Threshold(maximum_drop=1.0), False),
        (71.0, 71.0, Threshold(maximum_drop=0.0), True),
        # In binary fractions, these differences are a little more than 0.1.
        (0.7, 0.8, Threshold(maximum_drop=0.1), True),
        (0.8, 0.7, Threshold(maximum_rise=0.1), True),
        # Nothing to compare with.
        (10.0, None, Threshold(maximum_drop=0.0), True),
        (90.0, 95.0, Threshold(minimum=80.0), True),
        (20.0, None, Threshold(maximum=20.0), True),
        (20.1, None, Threshold(maximum=20.0), False),
        (float("nan"), None, Threshold(maximum=20.0), False),
        (21.0, 20.0, Threshold(maximum_rise=1.0), True),
        (21.1, 20.0, Threshold(maximum_rise=1.0), False),
        (15.0, 20.0, Threshold(maximum_rise=0.0), True),
    ],
)
def test_bounds(value, baseline, threshold, blessed):
    before = None if baseline is None else {"f1": baseline}
    assert judge({"f1": value}, {"f1": threshold}, before).blessed is blessed


def test_the_reasons_are_written_out():
    thresholds = {"f1": Threshold(minimum=80.0, maximum_drop=2.0), "NoAns_f1": Threshold(1.0)}
    verdict = judge({"f1": 70.0}, thresholds, {"f1": 75.0}, where="question_word = who")
    assert verdict.failures == (
        "f1 is 70.0000 where question_word = who, below the minimum of 80.0000.",
        "f1 is 70.0000 where question_word = who, 5.0000 lower than that of the latest blessed "
        "model (75.0000); at most 2.0000 is allowed.",
        "NoAns_f1 was not measured where question_word = who: nothing in the data has it.",
    )
    (row,) = verdict.rows
    assert (row.value, row.baseline, row.threshold) == (70.0, 75.0, thresholds["f1"])


def test_a_reason_has_as_many_digits_as_it_takes():
    verdict = judge({"f1": 79.99996}, {"f1": Threshold(minimum=80.0, maximum_drop=1.0)}, {"f1": 81})
    assert verdict.failures == (
        "f1 is 79.99996, below the minimum of 80.00000.",
        "f1 is 80.0000, 1.00004 lower than that of the latest blessed model (81.0000); at most "
        "1.00000 is allowed.",
    )
    (row,) = verdict.rows
    assert (row.shown, row.bound, row.change_bound) == ("79.99996", "≥ 80.00000", "− 1.0000")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"thresholds": {"accuracy": {"minimum": 1}}}, "names accuracy; this task measures"),
        ({"slice_by": ["label"]}, "name label; the slices of this task are question_word"),
        (
            {"slice_thresholds": {"question_word": {"who": {"best_f1": {"minimum": 1}}}}},
            r"slice_thresholds\.question_word\.who names best_f1",
        ),
    ],
)
def test_a_typo_says_what_is_legal(changes, message):
    values = {"thresholds": {"best_f1": {"minimum": 80}}, **changes}
    with pytest.raises(configuration.ConfigurationError, match=message):
        configuration.build(QuestionAnsweringEvaluationConfig, values)
