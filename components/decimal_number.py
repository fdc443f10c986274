"""Defines what counts as a number in a numeric label, for every reader of such labels.

Python's `float` also accepts digits of other scripts, `1_0` and "nan", while TensorFlow accepts
none of these. With one definition, all readers agree.
"""

from __future__ import annotations

import re

# Uses only syntax that Python's `re` and RE2 have in common.
PATTERN = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"
_NUMBER = re.compile(PATTERN)


def normalize(text: str) -> str | None:
    """Returns the text without surrounding white space if it is a number, and None if it is not."""
    text = text.strip()
    return text if _NUMBER.fullmatch(text) else None
