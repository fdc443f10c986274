"""What an error says, without the way that it came."""

from __future__ import annotations

import re

# Beam adds the step to the message at each floor of a pipeline in a pipeline.
_STEP = re.compile(r"\s*\[while running '[^']*'\]")
# Where an exception cannot be made anew with that, Beam puts its type in front. Where it comes from
# another process, the whole traceback stands before it.
_TYPE = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Interrupt): ")
_TRACEBACK = "Traceback (most recent call last):"


def message(error: BaseException) -> str:
    """The message of an exception, as it was raised where it happened."""
    text = str(error)
    if _TRACEBACK in text:
        # What follows the last indented line of a traceback is type and message.
        lines = text.rpartition(_TRACEBACK)[2].rstrip().splitlines()
        inside = [number for number, line in enumerate(lines) if line.startswith("  ")]
        text = "\n".join(lines[(inside[-1] + 1 if inside else 0) :])
        text = _TYPE.sub("", text, count=1) if _TYPE.match(text) else text
    if _STEP.search(text):
        text = _STEP.sub("", text)
        if type(error) is RuntimeError and _TYPE.match(text):
            text = _TYPE.sub("", text, count=1)
    return text.strip() or type(error).__name__


def is_of_a_step(text: str) -> bool:
    """Whether Beam says in which step something went wrong, before it raises the same."""
    return _STEP.search(text) is not None
