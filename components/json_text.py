"""JSON that others wrote: one error for all that can be wrong with it, and bounds on its cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

# A hundred kilobytes of gzip make 33 million empty lists, which take 2.8 GB. An array, an object or
# a comma is a part: a text of SQuAD has one to sixteen characters, so this is an article of 64 MB.
MAX_PARTS = 4_000_000
# Enough to recognise a value by.
_MAX_EXCERPT_CHARACTERS = 1000
# Of columns in a message, and characters of each.
_MAX_NAMES = 30
_MAX_NAME = 40
_PART_MARKS = ("[", "{", ",")
TOO_DEEP = "(nested too deeply to show)"


class NumberText(str):
    """A number as it is written: a label 1.50 must not become 1.5, nor an id lose digits."""

    __slots__ = ()


class JsonTextError(ValueError):
    """A text that is not JSON, or more than is read at once."""


def loads(text: str, *, numbers_as_text: bool = False) -> Any:
    """The value that a text is; line breaks inside strings are let through.

    Args:
        text: the whole of it.
        numbers_as_text: leaves numbers as they are written, as `NumberText`.

    Raises:
        JsonTextError: saying what is wrong with it.
    """
    check_parts(text)
    names = ("parse_float", "parse_int", "parse_constant")
    hooks = dict.fromkeys(names, NumberText) if numbers_as_text else {}
    try:
        return json.loads(text, strict=False, **hooks)
    except RecursionError as error:
        raise JsonTextError("values are nested too deeply") from error
    except ValueError as error:
        # Also what Python says of an integer of thousands of digits.
        raise JsonTextError(str(error)) from error


def with_numbers(value: Any) -> Any:
    """A value of `loads(numbers_as_text=True)`, with its numbers as numbers again."""
    if isinstance(value, NumberText):
        try:
            return json.loads(value, parse_constant=str)
        except ValueError:
            # Thousands of digits.
            return str(value)
    if isinstance(value, dict):
        return {key: with_numbers(item) for key, item in value.items()}
    return [with_numbers(item) for item in value] if isinstance(value, list) else value


def check_parts(text: str) -> None:
    """Refuses a text whose value would take much more memory than itself.

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
    """A value as one would recognise it; cut, and never an error."""
    try:
        return json.dumps(value)[:_MAX_EXCERPT_CHARACTERS]
    except RecursionError:
        return TOO_DEEP


def shown(value: Any, length: int = 40) -> str:
    """A value in a message, such as `'Rome'` or `[1, 2`."""
    try:
        return repr(value)[:length]
    except (RecursionError, ValueError):
        return TOO_DEEP


def shown_list(texts: Sequence[str]) -> str:
    """Names in a message, the first ones and their beginnings, such as `['text', 'label']`."""
    shown = [text if len(text) <= _MAX_NAME else text[:_MAX_NAME] + "…" for text in texts]
    return repr(shown[:_MAX_NAMES])
