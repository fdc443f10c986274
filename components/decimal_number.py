"""What a number is where labels are numbers: one definition for every reader of them.

Python's `float` also takes digits of other scripts, `1_0` and "nan"; TensorFlow takes none of them.
"""

from __future__ import annotations

import re

# In the syntax that Python's `re` and RE2 share.
PATTERN = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"
_NUMBER = re.compile(PATTERN)


def normalize(text: str) -> str | None:
    """The number that a text is, without the white space around it (of any kind); None if none."""
    text = text.strip()
    return text if _NUMBER.fullmatch(text) else None
