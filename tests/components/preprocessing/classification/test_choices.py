import pytest
import tensorflow as tf

from components.preprocessing.classification import choices


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How many?", ["How many? two", "How many? a_b"]),
        ("Nora has _ .", ["Nora has two .", "Nora has a_b ."]),
        ("_ and _", ["two and two", "a_b and a_b"]),
        ("_", ["two", "a_b"]),
        ("__ hens", ["two hens", "a_b hens"]),
        ("line\nbreak _", ["line\nbreak two", "line\nbreak a_b"]),
        ("", [" two", " a_b"]),
        ("Wie _\u00df\u4e2d?", ["Wie two\u00df\u4e2d?", "Wie a_b\u00df\u4e2d?"]),
    ],
)
def test_an_option_fills_the_blanks_or_is_appended(question, expected):
    # Among others, so that nothing goes from one row to another.
    questions = tf.constant(["x _ y", question, "z"])
    options = tf.constant([["1", "2"], ["two", "a_b"], ["3", "\\\\1"]])
    found = choices.with_options(questions, options).numpy()
    assert [text.decode() for text in found[1]] == expected
    assert found[0].tolist() == [b"x 1 y", b"x 2 y"]
    assert found[2].tolist() == [b"z 3", b"z \\\\1"]


def test_no_questions():
    assert choices.with_options(tf.zeros([0], tf.string), tf.zeros([0, 4], tf.string)).shape == [
        0,
        4,
    ]
