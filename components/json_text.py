"""Reads JSON from outside sources, such as the files of a data set.

Whatever is wrong with the text, there is one error for it, and the memory that parsing takes is
bounded. For JSON files that this project itself writes, see `plain_json`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

# A hundred kilobytes of gzip can expand to 33 million empty lists, which take 2.8 GB. Each array,
# object and comma counts as one part. SQuAD files have about one part per sixteen characters, so
# the limit allows an article of 64 MB.
MAX_PARTS = 4_000_000
# Enough to recognise a value.
_MAX_EXCERPT_CHARACTERS = 1000
# The number of column names that a message shows, and the number of characters of each.
_MAX_NAMES = 30
_MAX_NAME = 40
_PART_MARKS = ("[", "{", ",")
TOO_DEEP = "(nested too deeply to show)"


class NumberText(str):
    """A number exactly as it is written in the JSON text.

    A label of 1.50 must not become 1.5, and a long id must not lose digits.
    """

    __slots__ = ()


class JsonTextError(ValueError):
    """A text that is not valid JSON, or has more parts than are read at once."""


def loads(text: str, *, numbers_as_text: bool = False) -> Any:
    """Parses a JSON text; unlike strict JSON, line breaks inside strings are accepted.

    Args:
        text: the complete JSON text.
        numbers_as_text: whether to keep numbers as they are written, as `NumberText`.

    Raises:
        JsonTextError: if the text cannot be read; the message says what is wrong with it.
    """
    check_parts(text)
    names = ("parse_float", "parse_int", "parse_constant")
    hooks = dict.fromkeys(names, NumberText) if numbers_as_text else {}
    try:
        return json.loads(text, strict=False, **hooks)
    except RecursionError as error:
        raise JsonTextError("values are nested too deeply") from error
    except ValueError as error:
        # Python also raises a ValueError for an integer with thousands of digits.
        raise JsonTextError(str(error)) from error


def with_numbers(value: Any) -> Any:
    """Converts the `NumberText`s in a value from `loads(numbers_as_text=True)` back to numbers.

    Those that are not finite as numbers, which JSON then could not hold, stay text.

    Raises:
        JsonTextError: if the value is nested too deeply.
    """
    try:
        return _with_numbers(value)
    except RecursionError as error:
        raise JsonTextError("values are nested too deeply") from error


def _with_numbers(value: Any) -> Any:
    if isinstance(value, NumberText):
        try:
            number = json.loads(value, parse_constant=str)
            return str(value) if number in (math.inf, -math.inf) else number
        except ValueError:
            # Python does not convert an integer with thousands of digits.
            return str(value)
    if isinstance(value, dict):
        return {key: _with_numbers(item) for key, item in value.items()}
    return [_with_numbers(item) for item in value] if isinstance(value, list) else value


def check_parts(text: str) -> None:
    """Refuses a JSON text whose value would take far more memory than the text itself.

    Raises:
        JsonTextError: if it has more than `MAX_PARTS` parts.
    """
    if len(text) <= MAX_PARTS:
        return
    parts = sum(map(text.count, _PART_MARKS))
    if parts > MAX_PARTS:
        raise JsonTextError(
            f"{parts:,} values in one piece, of which at most {MAX_PARTS:,} are read at once"
        )


def excerpt(value: Any) -> str:
    """Returns the beginning of a value as JSON, enough to recognise it; never raises an error."""
    try:
        return json.dumps(value)[:_MAX_EXCERPT_CHARACTERS]
    except RecursionError:
        return TOO_DEEP


def shown(value: Any, length: int = 40) -> str:
    """Returns the beginning of a value for an error message, such as `'Rome'` or `[1, 2`."""
    try:
        return repr(value)[:length]
    except (RecursionError, ValueError):
        return TOO_DEEP


def shown_list(texts: Sequence[str]) -> str:
    """Lists names for an error message, such as `['text', 'label']`; cuts long lists and names."""
    return repr([cut(text) for text in texts[:_MAX_NAMES]])


def cut(text: str) -> str:
    """Returns a name as an error message can hold it: whole, or its beginning and `…`."""
    return text if len(text) <= _MAX_NAME else text[:_MAX_NAME] + "…"
