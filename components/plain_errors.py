"""Extracts the plain message of an exception that Beam has wrapped.

On its way up through a Beam pipeline, an exception collects names of steps, its own type, and
sometimes a whole traceback in its message. Users only need what the original error said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Beam appends the name of the step to the message, once per level of nested transforms.
_STEP = re.compile(r"\s*\[while running '[^']*'\]")
# If Beam cannot create an exception of the same type with the longer message, it raises a
# RuntimeError whose message begins with the original type. If the exception comes from another
# process, the whole traceback precedes it.
_TYPE = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Interrupt): ")
_TRACEBACK = "Traceback (most recent call last):"


def message(error: BaseException) -> str:
    """Returns the message of an exception as it was originally raised."""
    text = str(error)
    if _TRACEBACK in text:
        # In a traceback, the type and the message follow the last indented line.
        lines = text.rpartition(_TRACEBACK)[2].rstrip().splitlines()
        inside = [number for number, line in enumerate(lines) if line.startswith("  ")]
        text = "\n".join(lines[(inside[-1] + 1 if inside else 0) :])
        text = _TYPE.sub("", text, count=1) if _TYPE.match(text) else text
    if _STEP.search(text):
        text = _STEP.sub("", text)
        if type(error) is RuntimeError and _TYPE.match(text):
            text = _TYPE.sub("", text, count=1)
    return text.strip() or type(error).__name__


def origins(error: BaseException) -> Iterator[BaseException]:
    """Yields an exception, and those that it was made of, the latest first."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def is_traceback(text: str) -> bool:
    """Whether a message holds a traceback, from which `message` finds out what was raised."""
    return _TRACEBACK in text


def in_a_line(text: str, *, max_characters: int) -> str:
    """Returns the plain message in what another program reported, on one line and not too long.

    Args:
        text: what it reported, which may be a whole traceback.
        max_characters: length from which on the rest is replaced by `…`.
    """
    line = " ".join(message(RuntimeError(text)).split())
    return line if len(line) <= max_characters else f"{line[:max_characters]}…"


def is_of_a_step(text: str) -> bool:
    """Whether a log message is Beam's report of an error in a step.

    Beam raises the same error afterwards, so such messages need not be shown.
    """
    return _STEP.search(text) is not None
