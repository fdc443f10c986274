"""Writes a configuration as YAML in which every setting is explained.

The explanations are those of the dataclasses: the section "Attributes:" of their docstrings.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

from components import configuration

_WIDTH = 92
_INDENT = 2
# The first line of an attribute in a docstring, after `inspect.cleandoc`: its name and its text.
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*)$")
_MARKUP = re.compile(r"`([^`]*)`")


def write(config: Any, *, header: str) -> str:
    """Returns YAML from which `preset_loader.load` reads the same configuration again.

    Args:
        config: a dataclass made of dataclasses, mappings and plain values.
        header: what stands at the top, as a comment.
    """
    head = [f"# {line}".rstrip() for line in header.splitlines()]
    return "\n".join([*head, "", *_lines(config, 0)]) + "\n"


def descriptions(config_type: type) -> dict[str, str]:
    """Returns what the docstring of a dataclass, or of its bases, says about its attributes."""
    found: dict[str, str] = {}
    for base in reversed(config_type.__mro__):
        text = inspect.cleandoc(base.__doc__ or "")
        _, _, section = text.partition("Attributes:\n")
        name = None
        for line in section.splitlines():
            if match := _ATTRIBUTE.match(line):
                name = match[1]
                found[name] = match[2]
            elif name and line.startswith(" " * 8):
                found[name] += f" {line.strip()}"
            else:
                name = None
    return found


def _lines(config: Any, indent: int) -> Iterator[str]:
    explained = descriptions(type(config))
    for field in dataclasses.fields(config):
        if not field.init:
            continue
        if field.name in explained:
            # Markup of docstrings means nothing in a comment.
            text = _MARKUP.sub(r"\1", explained[field.name])
            for line in textwrap.wrap(text[:1].upper() + text[1:], _WIDTH - indent):
                yield f"{' ' * indent}# {line}"
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield f"{' ' * indent}{field.name}:"
            yield from _lines(value, indent + _INDENT)
        else:
            plain = {field.name: configuration.to_plain(value)}
            text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=_WIDTH)
            yield from textwrap.indent(text.rstrip(), " " * indent).splitlines()
        if not indent:
            yield ""
