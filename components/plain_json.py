"""Reads JSON files that this project wrote; a damaged file always gives the same kind of error.

Python's parser alone raises RecursionError for deeply nested brackets, takes quadratic time for
long integers or rejects them with an error of its own, and does not check what the document holds.
For JSON from outside sources, see `json_text`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

# None of our files is nested more than ten levels deep, and no count has more than twenty digits.
_MAX_DEPTH = 64
_MAX_DIGITS = 400


class JsonError(ValueError):
    """A document that is not valid JSON, or does not hold what it should."""


def loads(content: bytes | str, *, where: str) -> Any:
    """Parses a JSON document.

    Args:
        content: the document, as text or in UTF-8.
        where: path of the file, for error messages.

    Raises:
        JsonError: if it is not valid JSON, is nested too deeply, or has an integer with too many
            digits.
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
    """Parses a JSON document whose value should be a mapping.

    Args:
        content: the document, as text or in UTF-8.
        where: path of the file, for error messages.

    Raises:
        JsonError: in the same cases as `loads`, or if the value is not a mapping.
    """
    value = loads(content, where=where)
    if not isinstance(value, dict):
        raise JsonError(f"{where} should hold a mapping, but holds {type(value).__name__}.")
    return value


def finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """Replaces NaN and infinite numbers, which JSON does not have, by None."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"an integer of {len(digits):,} digits")
    return int(digits)


def _too_deep(where: str) -> JsonError:
    return JsonError(f"{where} is not valid JSON: it is nested more than {_MAX_DEPTH} deep")
