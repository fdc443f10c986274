"""Translates glob patterns into regular expressions."""

from __future__ import annotations

import re

_PARTS = re.compile(
    r"(?P<deep>\*\*)|(?P<any>\*)|(?P<one>\?)|\[(?P<not>!?)(?P<set>[^\]]+|\][^\]]*)\]"
)


def to_expression(pattern: str) -> str:
    """Returns a regular expression that matches whole paths.

    Args:
        pattern: `*` and `?` do not match slashes, `**` does; `[ab]` matches one of these
            characters, `[!ab]` any other. A bracket that is not closed stands for itself.
    """
    expression = ""
    end = 0
    for part in _PARTS.finditer(pattern):
        expression += re.escape(pattern[end : part.start()])
        end = part.end()
        if part["deep"]:
            expression += ".*"
        elif part["any"]:
            expression += "[^/]*"
        elif part["one"]:
            expression += "[^/]"
        else:
            # Only the hyphen keeps its meaning inside of brackets.
            inside = re.sub(r"[\\\]\[^&~|]", r"\\\g<0>", part["set"])
            expression += f"[{'^' if part['not'] else ''}{inside}]"
    return expression + re.escape(pattern[end:])
