"""Errors as Beam hands them on, against Beam itself."""

import apache_beam as beam
import pytest

from components import plain_errors


class OwnError(ValueError):
    """Made anew by Beam, with the step's name."""


class OtherError(ValueError):
    """One that Beam cannot make anew."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def raise_(_, make):
    raise make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OwnError("line 3: no label"), "line 3: no label"),
        (lambda: OtherError("this", "that"), "this and that"),
    ],
)
def test_beams_way_is_taken_off(make, message):
    with (
        pytest.raises(Exception, match="while running") as error,
        beam.Pipeline(runner="FnApiRunner") as pipeline,
    ):
        _ = pipeline | beam.Create([1]) | "Step" >> beam.Map(raise_, make=make)
    assert plain_errors.is_of_a_step(str(error.value))
    assert plain_errors.message(error.value) == message


def test_of_a_traceback_the_message_is_left():
    text = (
        "Traceback (most recent call last):\n"
        '  File "a.py", line 1, in f\n'
        "    raise ValueError(1)\n"
        "components.files.NoSuchFilesError: No file matches 'x'. [while running 'A']\n"
    )
    assert plain_errors.message(RuntimeError(text)) == "No file matches 'x'."


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("ValueError: is what it says"), "ValueError: is what it says"),
        (RuntimeError("two\nlines"), "two\nlines"),
        (ValueError(), "ValueError"),
    ],
)
def test_other_messages_stay(error, message):
    assert plain_errors.message(error) == message
