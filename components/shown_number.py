"""Formats numbers for people: metrics, and a metric beside the bound that it is compared with."""

from __future__ import annotations

NOTHING = "–"
_DIGITS = 4
# A double has no more that mean anything.
_MAX_DIGITS = 17


def shown(value: float | None) -> str:
    """Returns a metric as text: numbers of examples are integers, and some metrics are undefined.

    Args:
        value: the metric; None if it is undefined.
    """
    if value is None:
        return NOTHING
    return f"{value:,}" if isinstance(value, int) else f"{value:.{_DIGITS}f}"


def apart(value: float, bound: float) -> tuple[str, str]:
    """Returns two numbers as text, with more digits than usual if they would look the same."""
    for digits in range(_DIGITS, _MAX_DIGITS):
        texts = f"{value:.{digits}f}", f"{bound:.{digits}f}"
        if texts[0] != texts[1]:
            return texts
    return shown(float(value)), shown(float(bound))
