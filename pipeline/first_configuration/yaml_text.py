"""Writes values and names as YAML that reads back as the same text."""

from __future__ import annotations

import json
import os
import re

from components import plain_yaml
from components.configuration import ConfigurationError

_PLAIN = re.compile(r"(?:[^\W\d]|/)(?:[\w ./-]*[\w/.-])?")
# What YAML takes for a line break, or refuses, even in quotes.
_NOT_IN_YAML = re.compile(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_COMMENT_COLUMN = 34
_MAX_NAME = 40


def scalar(value: str | int | float) -> str:
    """Returns a value as YAML on one line, in quotes only if it needs them."""
    if not isinstance(value, str):
        return str(value)
    if _PLAIN.fullmatch(value):
        try:
            if plain_yaml.load(value, where=value) == value:
                return value
        except ConfigurationError:
            pass
    # YAML reads the strings of JSON, except for half characters.
    text = json.dumps(value, ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def line(text: str, comment: str = "") -> str:
    """Returns a line with a comment in a column of its own."""
    return f"{text:{_COMMENT_COLUMN}}  {comment_of(comment)}" if comment else text


def comment_of(text: str) -> str:
    """Returns a text as a comment on one line."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return f"# {' '.join(printable.split())}"


def name_of(path: str) -> str:
    """Returns a legal name of a pipeline that recalls the name of a file or folder."""
    stem = os.path.basename(path.rstrip("/")).split(".")[0].lower()
    name = re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:_MAX_NAME].rstrip("-")
    return name if name[:1].isalpha() else f"my-{name or 'data'}"
