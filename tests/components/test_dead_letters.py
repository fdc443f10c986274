import json

import pytest

from components.dead_letters import DeadLetter, TooManyDeadLettersError, check_share


def test_json_line_escapes_and_cuts():
    letter = DeadLetter("a.tsv", "7", "too few columns", "2 of 3", "x\ud800\n" + "y" * 1000)
    line = letter.to_json()
    assert "\n" not in line
    line.encode("ascii")
    fields = json.loads(line)
    assert fields["position"] == "7"
    assert len(fields["excerpt"]) == 501


def test_one_dead_letter_is_always_allowed():
    check_share(total=10, reasons={"bad": 1}, allowed_share=0.0, where="d")


def test_the_share_is_a_bound_and_the_message_lists_the_top_reasons():
    check_share(total=10_000, reasons={"a": 4, "b": 6}, allowed_share=0.001, where="d")
    with pytest.raises(TooManyDeadLettersError, match=r"11 of 10,000.*b: 7; a: 4.*under d"):
        check_share(total=10_000, reasons={"a": 4, "b": 7}, allowed_share=0.001, where="d")
