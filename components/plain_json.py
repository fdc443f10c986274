"""Documents of this project's own in JSON, read back: what is damaged is one error.

Python's parser alone gives RecursionError for brackets within brackets, takes quadratic time for
long integers or refuses them in words of its own, and says nothing of what the document holds.
"""

from __future__ import annotations

import json
from typing import Any

# Nothing of ours is deeper than ten, and no count has more than twenty digits.
_MAX_DEPTH = 64
_MAX_DIGITS = 400


class JsonError(ValueError):
    """A document that is not JSON, or not what it should hold."""


def loads(content: bytes | str, *, where: str) -> Any:
    """Value of a document.

    Args:
        content: JSON in UTF-8.
        where: path of the file, for messages.

    Raises:
        JsonError: if it is not JSON, nested too deeply, or has integers of too many digits.
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
        value = json.loads(text, parse_int=_integer)
    except RecursionError as error:
        raise _too_deep(where) from error
    except ValueError as error:
        raise JsonError(f"{where} is not valid JSON: {error}") from error
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            item
            for one in level
            if isinstance(one, (dict, list))
            for item in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return value
    raise _too_deep(where)


def mapping(content: bytes | str, *, where: str) -> dict[str, Any]:
    """Value of a document that should hold a mapping; raises what `loads` does."""
    value = loads(content, where=where)
    if not isinstance(value, dict):
        raise JsonError(f"{where} should hold a mapping, but holds {type(value).__name__}.")
    return value


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"an integer of {len(digits):,} digits")
    return int(digits)


def _too_deep(where: str) -> JsonError:
    return JsonError(f"{where} is not valid JSON: it is nested more than {_MAX_DEPTH} deep")
